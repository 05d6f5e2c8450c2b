// The concepts of transport and authentication: an archetype each, and one near-miss for each
// requirement.

#include <keywarden/admit/anyone.hpp>
#include <keywarden/endpoint/endpoint.hpp>
#include <keywarden/transport/tls.hpp>
#ifdef KEYWARDEN_TESTS_LIBSSL
#include <keywarden/transport/libssl/tls13.hpp>
#endif
#include <support/two_ends.hpp>

namespace static_transport {

namespace kw = keywarden;
namespace transport = kw::transport;

//[secure_session
struct archetype_session {
  archetype_session() = default;
  archetype_session(archetype_session&&) = default;
  archetype_session& operator=(archetype_session&&) = default;
  kw::result<void> receive(kw::bytes_view);
  [[nodiscard]] kw::bytes_view received() const;
  void consume(std::size_t);
  kw::result<void> send(kw::bytes_view);
  [[nodiscard]] kw::bytes_view outgoing() const;
  void sent(std::size_t);
  kw::result<void> close();
  [[nodiscard]] bool peer_closed() const;
  void refuse(kw::error);
  [[nodiscard]] const kw::auth::proof& proof() const;
  [[nodiscard]] transport::negotiation protection() const;
};
static_assert(transport::secure_session<archetype_session>);
//]

struct session_without_proof : archetype_session {
  void proof() const;
};
struct session_that_cannot_close : archetype_session {
  void close();
};
struct session_that_cannot_refuse : archetype_session {
  void refuse() const;
};
struct session_that_drops_its_input : archetype_session {
  void receive(kw::bytes_view);
};
struct session_that_copies : archetype_session {
  session_that_copies() = default;
  session_that_copies(const session_that_copies&);
  session_that_copies& operator=(const session_that_copies&);
};
static_assert(!transport::secure_session<session_without_proof>);
static_assert(!transport::secure_session<session_that_cannot_close>);
static_assert(!transport::secure_session<session_that_cannot_refuse>);
static_assert(!transport::secure_session<session_that_drops_its_input>);
static_assert(!transport::secure_session<session_that_copies>);

//[secure_handshake
struct archetype_handshake {
  archetype_handshake() = default;
  archetype_handshake(archetype_handshake&&) = default;
  archetype_handshake& operator=(archetype_handshake&&) = default;
  kw::result<void> receive(kw::bytes_view);
  [[nodiscard]] kw::bytes_view outgoing() const;
  void sent(std::size_t);
  [[nodiscard]] bool finished() const;
  [[nodiscard]] const kw::auth::proof* proof() const;
  void refuse(kw::error);
  kw::result<archetype_session> finish() &&;
};
static_assert(transport::secure_handshake<archetype_handshake>);
//]

struct handshake_that_yields_no_session : archetype_handshake {
  kw::result<int> finish() &&;
};
struct handshake_without_outgoing : archetype_handshake {
  void outgoing() const;
};
struct handshake_that_never_finishes : archetype_handshake {
  void finished() const;
};
struct handshake_that_hides_its_proof : archetype_handshake {
  void proof() const;
};
struct handshake_that_cannot_refuse : archetype_handshake {
  void refuse() const;
};
static_assert(!transport::secure_handshake<handshake_that_hides_its_proof>);
static_assert(!transport::secure_handshake<handshake_that_cannot_refuse>);
static_assert(!transport::secure_handshake<handshake_that_yields_no_session>);
static_assert(!transport::secure_handshake<handshake_without_outgoing>);
static_assert(!transport::secure_handshake<handshake_that_never_finishes>);

using kw::testing::knows;
static_assert(transport::transport_for<transport::tls13<>, knows>);
static_assert(transport::transport_for<transport::tls13<transport::hybrid_only>, knows>);
static_assert(transport::transport_for<transport::tls13_or_integrity_only<>, knows>);
static_assert(transport::transport_for<transport::tls12_integrity_only, knows>);
struct unnamed_transport : transport::tls13<> {
  void name() const;
};
static_assert(!transport::transport_for<unnamed_transport, knows>);
static_assert(!transport::transport_for<int, knows>);
static_assert(!transport::transport_for<transport::tls13<>, int>);

static_assert(transport::group_choice<transport::hybrid_or_classical>);
static_assert(transport::group_choice<transport::hybrid_only>);
static_assert(transport::group_choice<transport::classical_only>);
static_assert(!transport::group_choice<int>);
struct groups_that_hide_the_hybrid : transport::classical_only {
  void hybrid() const;
};
static_assert(!transport::group_choice<groups_that_hide_the_hybrid>);

#ifdef KEYWARDEN_TESTS_LIBSSL
using over_openssl = transport::libssl::tls13<transport::classical_only>;
static_assert(transport::transport_for<over_openssl, knows>);
static_assert(over_openssl::clause == transport::tls13<>::clause);
static_assert(std::same_as<decltype(std::declval<over_openssl::context<knows>>().accept()),
                           kw::result<transport::handshake>>);
#endif

// The defaults, literally.
static_assert(transport::tls13<>::clause.presence() == transport::presence::required);
static_assert(transport::tls13<>::clause.algorithms()[0] == transport::algorithm::aes);
static_assert(transport::tls13_or_integrity_only<>::clause.presence() ==
              transport::presence::supported);
static_assert(transport::tls12_integrity_only::clause.presence() == transport::presence::disabled);

// Composition adds nothing: an endpoint and a session are one pointer each.
using mirroring = kw::endpoint<knows, transport::tls13<>, kw::admit::anyone>;
static_assert(sizeof(mirroring) == 2 * sizeof(void*));
static_assert(sizeof(transport::session) == sizeof(void*));
static_assert(sizeof(transport::handshake) == sizeof(void*));
static_assert(!std::copyable<transport::session> &&
              !std::default_initializable<transport::session>);
static_assert(!std::copyable<kw::auth::proof> && !std::default_initializable<kw::auth::proof>);
static_assert(!std::constructible_from<kw::auth::proof, kw::auth::principal>);

}  // namespace static_transport
