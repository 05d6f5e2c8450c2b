// expects: a mirroring session has at most one witness
#include <keywarden/endpoint/peers.hpp>

namespace kw = keywarden;

struct host_a {
  static constexpr std::string_view name = "HOST_A";
};
struct host_b {
  static constexpr std::string_view name = "HOST_B";
};
struct host_w {
  static constexpr std::string_view name = "HOST_W";
};
struct host_x {
  static constexpr std::string_view name = "HOST_X";
};

using session = kw::mirroring_session<kw::partner<host_a>, kw::partner<host_b>,
#ifndef TWIN
                                      kw::witness<host_x>, kw::witness<host_w>>;
#else
                                      kw::witness<host_w>>;
#endif
static_assert(session::trust_edges > 0);
