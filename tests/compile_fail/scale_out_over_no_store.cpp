// expects: the members of a deployment share a record store: see keywarden/store/concepts.hpp
#include <keywarden/store/memory.hpp>
#include <keywarden/vault/scale_out.hpp>
#include <keywarden/vault/standard_policy.hpp>

namespace kw = keywarden;

using own_vault = kw::vault<kw::standard_policy<kw::store::memory>>;
#ifndef TWIN
using shared = const char*;
#else
using shared = kw::store::memory;
#endif

void open(kw::scale_out<own_vault, shared>&& member) { static_cast<void>(member.refresh()); }
