// expects: no matching function for call to | revocation_check
#include <keywarden/pki/path.hpp>

namespace pki = keywarden::pki;

auto judge(const std::vector<pki::certificate>& chain, const pki::trust_anchors& anchors) {
#ifndef TWIN
  return pki::judge_path(chain, anchors, pki::certificate_purpose::server, false, {},
                         keywarden::system_clock::now());
#else
  return pki::judge_path(chain, anchors, pki::certificate_purpose::server,
                         pki::revocation::no_check(), {}, keywarden::system_clock::now());
#endif
}
