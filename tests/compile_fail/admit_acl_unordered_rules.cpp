// expects: no matching function | no matching constructor | is private within this context |
// private constructor
#include <keywarden/admit/network_acl.hpp>

#include <vector>

namespace ka = keywarden::admit;

#ifndef TWIN
ka::network_acl make(std::vector<ka::ordered_rule> rules) { return ka::network_acl(rules); }
#else
ka::network_acl make(std::vector<ka::ordered_rule> rules) {
  return ka::network_acl(*ka::ordered_rules::of(rules));
}
#endif
