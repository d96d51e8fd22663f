// Doubly linked list whose links live in the element: no allocation, O(1) removal from the middle.
#pragma once

#include <cstddef>

#include "base/check.h"

namespace ashlar {

/// A link. An element on a list must be taken off before it dies; a list must be empty before it dies.
struct ListLink {
  ListLink* previous = nullptr;
  ListLink* next = nullptr;
  ListLink() = default;
  ListLink(const ListLink&) = delete;
  ListLink& operator=(const ListLink&) = delete;
  ~ListLink() { CHECK(!linked(), "element destroyed while on a list"); }
  bool linked() const { return next != nullptr; }
  void unlink() {
    previous->next = next;
    next->previous = previous;
    previous = next = nullptr;
  }
};

/// List of T, where T derives from a `Tag`-ed ListNode<Tag>, so that one element can be on several lists.
template <typename Tag>
struct ListNode : ListLink {};

template <typename T, typename Tag>
class IntrusiveList {
 public:
  IntrusiveList() { head_.previous = head_.next = &head_; }
  IntrusiveList(const IntrusiveList&) = delete;
  IntrusiveList& operator=(const IntrusiveList&) = delete;
  ~IntrusiveList() {
    CHECK(empty(), "list destroyed with elements on it");
    head_.previous = head_.next = nullptr;
  }
  bool empty() const { return head_.next == &head_; }
  size_t size() const { return size_; }
  void push_back(T& element) { insert(static_cast<ListNode<Tag>&>(element), head_.previous); }
  void push_front(T& element) { insert(static_cast<ListNode<Tag>&>(element), &head_); }
  T& front() { return element_of(head_.next); }
  T& pop_front() {
    CHECK(!empty());
    T& element = front();
    remove(element);
    return element;
  }
  void remove(T& element) {
    static_cast<ListNode<Tag>&>(element).unlink();
    --size_;
  }
  static bool contains(const T& element) { return static_cast<const ListNode<Tag>&>(element).linked(); }
  /// Moves everything of `other` to the end of this list.
  void splice(IntrusiveList& other) {
    while (!other.empty()) push_back(other.pop_front());
  }

  /// Iteration; the current element may be removed by the loop body (the next one is held).
  class Iterator {
   public:
    Iterator(ListLink* link) : link_(link), next_(link->next) {}
    T& operator*() const { return element_of(link_); }
    Iterator& operator++() {
      link_ = next_;
      next_ = link_->next;
      return *this;
    }
    bool operator!=(const Iterator& other) const { return link_ != other.link_; }

   private:
    ListLink* link_;
    ListLink* next_;
  };
  Iterator begin() { return Iterator(head_.next); }
  Iterator end() { return Iterator(&head_); }

 private:
  static T& element_of(ListLink* link) { return static_cast<T&>(static_cast<ListNode<Tag>&>(*link)); }
  void insert(ListLink& link, ListLink* after) {
    CHECK(!link.linked(), "element pushed onto two lists");
    link.previous = after;
    link.next = after->next;
    after->next->previous = &link;
    after->next = &link;
    ++size_;
  }
  ListLink head_;
  size_t size_ = 0;
};

}  // namespace ashlar
