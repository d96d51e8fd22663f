// The text format of Prometheus (version 0.0.4): metrics with their help, types and labels.
#pragma once

#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ashlar::agent {

/// Families come out together, whatever the order in which their values were added.
class Exposition {
 public:
  using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;
  /// `type`: "counter", "gauge", "histogram". The first call for a name settles both.
  void family(const std::string& name, const char* type, const char* help);
  void value(const std::string& name, Labels labels, double value);
  /// One bucket, with its bound as the label `le`.
  void bucket(const std::string& name, Labels labels, const std::string& bound, double cumulative);
  std::string text() const;

 private:
  static std::string labels_text(Labels labels, std::string_view bound);
  struct Family {
    std::string head, lines;
  };
  std::vector<std::string> order_;
  std::map<std::string, Family> families_;
};

}  // namespace ashlar::agent
