// Boost's headers without their bodies: those are compiled once, in boost_setup.cc. Include this before any of Boost.
// Private to this room: no public header of ours names Boost.
#pragma once

#define BOOST_ASIO_SEPARATE_COMPILATION
#define BOOST_BEAST_SEPARATE_COMPILATION

namespace boost::asio {}
namespace boost::beast {}
namespace boost::system {}

namespace ashlar::http {
namespace asio = boost::asio;
namespace beast = boost::beast;
}  // namespace ashlar::http
