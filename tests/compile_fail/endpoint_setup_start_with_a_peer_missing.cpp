// expects: start() needs the inbound connection of every peer
#include <keywarden/endpoint/setup.hpp>
#include <keywarden/store/memory.hpp>
#include <keywarden/vault/standard_policy.hpp>
#include <keywarden/vault/vault.hpp>

namespace kw = keywarden;

struct host_w {
  static constexpr std::string_view name = "HOST_W";
};

#ifndef TWIN
using remaining = kw::peers<host_w>;
#else
using remaining = kw::peers<>;
#endif

using configured = kw::setup::outbound_configured<kw::vault<kw::standard_policy<kw::store::memory>>,
                                                  kw::system_clock, remaining>;

kw::result<kw::mirroring_configuration> start(const configured& so_far) { return so_far.start(); }
