// The same code with and without a profile at hand that nothing wears.

#include <keywarden/auth/certificate.hpp>
#include <keywarden/key/opened_key.hpp>
#include <keywarden/transport/tls.hpp>

#ifdef WITH_PROFILED
#include <keywarden/crypto/profiled.hpp>
#include <keywarden/transport/profiled.hpp>
#endif

namespace kw = keywarden;

struct measured {
  static constexpr std::string_view name = "measured";
};
template class keywarden::opened_key<measured>;
template class keywarden::transport::detail::tls_context<
    kw::transport::tls13<>, kw::transport::hybrid_or_classical,
    kw::auth::certificate<kw::trust::pinned>, kw::system_clock>;
