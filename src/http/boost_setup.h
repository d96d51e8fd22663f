// Boost's headers without their bodies: those are compiled once, in boost_setup.cc. Include this before any of Boost.
// Private to this room: no public header of ours names Boost.
#pragma once

#if defined(BOOST_ASIO_DETAIL_CONFIG_HPP) && !defined(BOOST_ASIO_SEPARATE_COMPILATION)
// This file would be given the bodies too: two definitions of one class, one weak and one strong, which lld may refuse.
#error "include http/boost_setup.h before any header of Boost"
#endif
#define BOOST_ASIO_SEPARATE_COMPILATION
#define BOOST_BEAST_SEPARATE_COMPILATION

namespace boost::asio {}
namespace boost::beast {}
namespace boost::system {}

namespace ashlar::http {
namespace asio = boost::asio;
namespace beast = boost::beast;
}  // namespace ashlar::http
