// expects: or its inbound connection is configured already
#include <keywarden/endpoint/setup.hpp>

namespace kw = keywarden;

struct host_b {
  static constexpr std::string_view name = "HOST_B";
};
struct host_w {
  static constexpr std::string_view name = "HOST_W";
};
struct some_vault {
  struct guard {};
  struct key {
    kw::result<guard> open(const kw::password&) const;
  };
  struct database_handle {
    key master_key() const;
  };
};

using remaining = kw::peers<host_b, host_w>::without<host_b>;

auto next(const kw::setup::outbound_configured<some_vault, kw::system_clock, remaining>& so_far) {
#ifndef TWIN
  return so_far.configure_inbound<host_b>();
#else
  return so_far.configure_inbound<host_w>();
#endif
}
