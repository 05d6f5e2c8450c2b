// expects: has no member named ‘create_endpoint’ | has no member named 'create_endpoint' | no
// member named 'create_endpoint'
#include <keywarden/endpoint/setup.hpp>

namespace kw = keywarden;

struct host_b {
  static constexpr std::string_view name = "HOST_B";
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

#ifndef TWIN
template <class... State>
using step = kw::setup::certificate_step<State...>;
#else
template <class... State>
using step = kw::setup::endpoint_step<State...>;
#endif

using next = decltype(std::declval<const step<some_vault, kw::system_clock, kw::peers<host_b>>&>()
                          .create_endpoint(std::declval<const kw::mirroring_endpoint&>()));
