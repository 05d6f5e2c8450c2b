// expects: authenticator
#include <keywarden/auth/concepts.hpp>

namespace ka = keywarden::auth;
using keywarden::result;

struct lenient {
  using form = ka::form::certificate;
  result<std::shared_ptr<const keywarden::pki::identity>> own(keywarden::time_point) const;
  result<void> permits(const ka::principal&) const;
#ifndef TWIN
#else
  result<ka::principal> judge(const ka::peer_evidence&, keywarden::time_point) const;
#endif
};

template <ka::authenticator Authenticator>
struct composition {};
composition<lenient> made;
