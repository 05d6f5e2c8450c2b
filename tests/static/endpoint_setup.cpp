// The steps of a set-up: each has exactly the step that comes next. Sets of peers. What has no
// default.

#include <keywarden/endpoint/setup.hpp>
#include <keywarden/endpoints.hpp>

#include <concepts>
#include <type_traits>
#include <utility>

#include <keywarden/transport/tls.hpp>

namespace static_endpoint_setup {

namespace kw = keywarden;
namespace setup = keywarden::setup;

struct host_a {
  static constexpr std::string_view name = "HOST_A";
};
struct host_b {
  static constexpr std::string_view name = "HOST_B";
};
struct host_w {
  static constexpr std::string_view name = "HOST_W";
};
struct without_name {};
struct with_a_number {
  static constexpr int name = 1;
};
static_assert(kw::named_instance<host_a>);
static_assert(!kw::named_instance<without_name> && !kw::named_instance<with_a_number> &&
              !kw::named_instance<int>);

/// As much of a vault as the types of the steps need.
struct some_vault {
  struct guard {};
  struct key {
    kw::result<guard> open(const kw::password&) const;
  };
  struct database_handle {
    key master_key() const;
  };
};

using both = kw::peers<host_b, host_w>;
using none = kw::peers<>;

template <template <class...> class Step, class... More>
using at = Step<some_vault, kw::system_clock, More...>;

using key_step = at<setup::master_key_step, both>;
using certificate_step = at<setup::certificate_step, both>;
using endpoint_step = at<setup::endpoint_step, both>;
using export_step = at<setup::export_step, both>;
using outbound = at<setup::outbound_configured, both>;
using login_step = at<setup::login_step, both, host_b>;
using user_step = at<setup::user_step, both, host_b>;
using obtain_step = at<setup::obtain_step, both, host_b>;
using associate_step = at<setup::associate_step, both, host_b>;
using grant_step = at<setup::grant_step, both, host_b>;

// Which steps a type has, as bits in their order.
template <class T>
consteval unsigned steps() {
  using step = const T&;
  unsigned has = 0;
  const auto note = [&](unsigned number, bool there) { has |= there ? 1U << number : 0U; };
  note(
      0, requires(step s, const kw::password& p) { s.create_master_key(p); });
  note(
      1, requires(step s, const kw::object_name& n, const kw::pki::certificate_options& o) {
        s.create_certificate(n, o);
      });
  note(
      2, requires(step s, const kw::mirroring_endpoint& e) { s.create_endpoint(e); });
  note(
      3, requires(step s) { s.export_certificate("file"); });
  note(
      4, requires(step s) { s.template configure_inbound<host_b>(); });
  note(
      5, requires(step s, const kw::object_name& n) { s.create_login(n); });
  note(
      6, requires(step s, const kw::object_name& n) { s.create_user(n); });
  note(
      7, requires(step s, const kw::pki::fingerprint& f) { s.obtain_certificate("file", f); });
  note(
      8, requires(step s, const kw::object_name& n) { s.associate_certificate(n); });
  note(
      9, requires(step s) { s.grant_connect(); });
  note(
      10, requires(step s) { s.start(); });
  return has;
}
static_assert(steps<key_step>() == 1U << 0U);
static_assert(steps<certificate_step>() == 1U << 1U);
static_assert(steps<endpoint_step>() == 1U << 2U);
static_assert(steps<export_step>() == 1U << 3U);
static_assert(steps<outbound>() == (1U << 4U | 1U << 10U));
static_assert(steps<login_step>() == 1U << 5U);
static_assert(steps<user_step>() == 1U << 6U);
static_assert(steps<obtain_step>() == 1U << 7U);
static_assert(steps<associate_step>() == 1U << 8U);
static_assert(steps<grant_step>() == 1U << 9U);

// Each step leads to the next, and a granted peer is missing no more.
template <class T>
using value_of = typename T::value_type;
static_assert(std::same_as<decltype(std::declval<const outbound&>().configure_inbound<host_b>()),
                           login_step>);
static_assert(std::same_as<value_of<decltype(std::declval<const grant_step&>().grant_connect())>,
                           at<setup::outbound_configured, kw::peers<host_w>>>);
static_assert(
    std::same_as<
        value_of<decltype(std::declval<const at<setup::grant_step, kw::peers<host_w>, host_w>&>()
                              .grant_connect())>,
        at<setup::outbound_configured, none>>);

// Nobody gets a certificate in without a fingerprint, or the type that says there was none.
template <class... How>
concept obtainable = requires(const obtain_step& step, const How&... how) {
  step.obtain_certificate("file", how...);
};
static_assert(obtainable<kw::pki::fingerprint> && obtainable<kw::fingerprint_not_compared>);
static_assert(!obtainable<> && !obtainable<kw::pki::key_fingerprint> && !obtainable<bool>);

// Steps come from steps only.
static_assert(!std::is_default_constructible_v<outbound>);
static_assert(std::is_copy_constructible_v<outbound>);

// Sets of peers.
static_assert(std::same_as<both::without<host_b>, kw::peers<host_w>>);
static_assert(std::same_as<both::without<host_a>, both>);
static_assert(std::same_as<both::without<host_w>::without<host_b>, none>);
static_assert(both::has<host_b> && !both::has<host_a> && none::size == 0);

using pair = kw::mirroring_session<kw::partner<host_a>, kw::partner<host_b>>;
using trio = kw::mirroring_session<kw::partner<host_a>, kw::witness<host_w>, kw::partner<host_b>>;
static_assert(pair::trust_edges == 2 && trio::trust_edges == 6);
static_assert(std::same_as<pair::peers_of<host_a>, kw::peers<host_b>>);
static_assert(std::same_as<trio::peers_of<host_a>, kw::peers<host_w, host_b>>);
static_assert(std::same_as<trio::peers_of<host_w>, kw::peers<host_a, host_b>>);
static_assert(trio::part_of<host_w> == kw::endpoint_role::witness &&
              trio::part_of<host_b> == kw::endpoint_role::partner);
static_assert(kw::may_play(kw::endpoint_role::all, kw::endpoint_role::witness) &&
              !kw::may_play(kw::endpoint_role::partner, kw::endpoint_role::witness));

// What has no default: role, port, form, certificate, name.
static_assert(!std::is_default_constructible_v<kw::given_role> &&
              !std::is_default_constructible_v<kw::listener_address> &&
              !std::is_default_constructible_v<kw::endpoint_authentication> &&
              !std::is_default_constructible_v<kw::endpoint_certificates> &&
              !std::is_default_constructible_v<kw::endpoint_definition>);
static_assert(std::copyable<kw::endpoint_definition> &&
              std::equality_comparable<kw::endpoint_definition>);

// A change has no members for what cannot change.
template <class T>
constexpr bool has_owner = requires(T change) {
  change.owner;
};
template <class T>
constexpr bool has_name = requires(T change) {
  change.name;
};
template <class T>
constexpr bool has_form = requires(T change) {
  change.authentication;
};
static_assert(has_owner<kw::endpoint_definition> && !has_owner<kw::endpoint_change>);
static_assert(has_name<kw::endpoint_definition> && !has_name<kw::endpoint_change>);
static_assert(has_form<kw::endpoint_definition> && !has_form<kw::endpoint_change>);

// The transports name the clause of an endpoint; the default is the strongest.
static_assert(kw::encryption_required::clause == kw::transport::tls13<>::clause);
static_assert(kw::is_weaker(kw::transport::tls13_or_integrity_only<>::clause,
                            kw::encryption_required::clause));
static_assert(kw::is_weaker(kw::transport::tls12_integrity_only::clause,
                            kw::transport::tls13_or_integrity_only<>::clause));
static_assert(!kw::is_weaker(kw::encryption_required::clause, kw::encryption_required::clause));

}  // namespace static_endpoint_setup
