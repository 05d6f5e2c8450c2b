/// @file
/// Authentication with certificates that a trusted authority issued.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <keywarden/auth/certificate_pinned.hpp>
#include <keywarden/auth/verified_chains.hpp>

namespace keywarden::auth {

/// The peer's certificate leads to a trust anchor now, for its side (`pki::judge_path`), was not
/// revoked, is on an allow-list, belongs to a user of the directory, by the certificate or by its
/// public key, and that user's login may connect. Everything must hold; each refusal has a code of
/// its own.
///
/// Protects: also when the authority issues a certificate wrongly (the allow-list) or the
/// allow-list is out of date (revocation, validity). Does not protect: see
/// `trust::names_the_dialled`. A handle on shared state: copies see each other's `reload_…`, which
/// take effect at once for new handshakes and leave sessions alone; `permits` tells which sessions
/// should go. Any thread; `judge` never fetches anything.
template <pki::revocation_check Revocation, class... Options>
class certificate<trust::chain<Revocation, Options...>> {
 public:
  using form = auth::form::certificate;
  /// What is demanded of a peer's certificate, as the type was named.
  using trust = keywarden::trust::chain<Revocation, Options...>;

  /// How many peers' paths are remembered for `permits`; beyond, who was judged first is not
  /// permitted any more and connects again.
  static constexpr std::size_t max_remembered = 4096;

  /// Shows `own` to the peers of an endpoint that `owner` (a login) owns. Errors: as
  /// `own_identities::of`.
  [[nodiscard]] static result<certificate> create(pki::identity own, trust trusting,
                                                  directory known, const object_name& endpoint,
                                                  const object_name& owner) {
    std::vector<pki::identity> only;
    only.push_back(std::move(own));
    auto identities = own_identities::of(std::move(only));
    if (!identities) return identities.error();
    return certificate(std::move(*identities), std::move(trusting),
                       endpoint_access(std::move(known), endpoint, owner));
  }

  certificate(own_identities own, trust trusting, endpoint_access access)
      : state_(std::make_shared<shared>(
            snapshot{std::move(own), std::move(trusting), std::move(access)})) {}

  /// From now on, these identities, principals, endpoint's owner, authorities.
  void reload_own(const own_identities& own) const {
    state_->now.change([&](snapshot& next) { next.own = own; });
  }
  /// From now on, these logins, users, certificates and permissions.
  void reload_directory(directory known) const {
    state_->now.change([&](snapshot& next) { next.access = next.access.with(std::move(known)); });
  }
  /// From now on, this login has every permission on the endpoint.
  void reload_owner(const object_name& owner) const {
    state_->now.change([&](snapshot& next) {
      next.access = endpoint_access(next.access.known(), next.access.endpoint(), owner);
    });
  }
  /// From now on, these authorities; a peer of any other is not permitted any more.
  void reload_anchors(const pki::trust_anchors& anchors) const {
    state_->now.change([&](snapshot& next) { next.trusting.anchors = anchors; });
  }
  /// From now on, these lists; for whoever shares the policy as well. Replaces nothing where
  /// revocation is not checked: that does not compile.
  void reload_revocation(pki::revocation_snapshot lists) const
      requires(!std::same_as<Revocation, pki::revocation::no_check>) {
    state_->now.read()->trusting.revocation.load(std::move(lists));
  }
  /// From now on, this allow-list in place of the one of its type.
  template <keywarden::trust::allow_list List>
  void reload_allowed(List list) const {
    static_assert((std::same_as<List, Options> || ...),
                  "this authenticator has no allow-list of this type");
    state_->now.change(
        [&](snapshot& next) { std::get<List>(next.trusting.options) = std::move(list); });
  }

  /// What to show now. Errors: `certificate_expired`, `certificate_not_yet_valid`.
  [[nodiscard]] result<std::shared_ptr<const pki::identity>> own(time_point now) const {
    return state_->now.read()->own.valid_at(now);
  }

  /// Errors, in this order: `peer_unproven` without a certificate; `certificate_not_yet_valid`,
  /// `certificate_expired`; `admission_refused` when no allow-list has it, whoever issued it; those
  /// of `pki::judge_path`; `peer_unknown` when nobody in the directory
  /// owns it; `not_permitted` without CONNECT.
  [[nodiscard]] result<principal> judge(const peer_evidence& evidence, time_point now) const {
    if (auto shown = detail::expect_chain(evidence); !shown) return shown.error();
    const auto present = state_->now.read();
    return keywarden::detail::guarded("judging a peer", [&]() -> result<principal> {
      const auto& leaf = evidence.chain.front();
      if (auto valid = detail::expect_valid(leaf, now); !valid) return valid.error();
      const auto key = leaf.key_fingerprint();
      // Who is not expected costs no signature's verification.
      if (auto listed = expect_allowed(*present, leaf); !listed) return listed.error();
      auto path = path_of(*present, evidence, now);
      if (!path) return error(path.error()).with(fact::peer, detail::shown_as(leaf));
      auto who = admit(*present, leaf, key);
      if (who) state_->admitted.keep(leaf.fingerprint(), {std::move(*path), key});
      return who;
    });
  }

  /// Whether the principal would still be let in as far as time does not matter: its anchor is
  /// still trusted, no list has a certificate of its path, an allow-list has it, its user still
  /// owns it, its login may connect. That it expired meanwhile is for the next handshake. Errors:
  /// as `judge`; `peer_unknown` also for who was not judged by this authenticator.
  [[nodiscard]] result<void> permits(const principal& who) const {
    const auto present = state_->now.read();
    return keywarden::detail::guarded("judging a peer again", [&]() -> result<void> {
      const auto known = who.certificate ? state_->admitted.find(*who.certificate) : std::nullopt;
      if (!known) return gone(who);
      if (auto good = still_good(*present, known->path); !good) return good;
      auto again = admit(*present, known->path.leaf(), known->key);
      if (!again) return again.error();
      if (again->login != who.login || again->user != who.user) return gone(who);
      return done();
    });
  }

  /// The directory's certificate of these bytes (by their SHA-256), if it has one, so that an
  /// engine need not read again what was read when it was registered. Says nothing of whether who
  /// shows it is welcome: `judge` does. Never throws but for want of memory.
  [[nodiscard]] std::optional<pki::certificate> registered(bytes_view der) const {
    return detail::registered_as(state_->now.read()->access.known(), der);
  }

  /// How often something but the lists of revocation was reloaded: what was remembered of peers
  /// before does not count any more.
  [[nodiscard]] std::uint64_t generation() const { return state_->now.generation(); }

  /// How many verified paths are remembered at the moment.
  [[nodiscard]] std::size_t cached_paths() const { return state_->paths.size(); }

 private:
  struct snapshot {
    own_identities own;
    trust trusting;
    endpoint_access access;
  };
  struct admitted_peer {
    pki::verified_path path;
    pki::key_fingerprint key;
  };
  struct shared {
    explicit shared(snapshot first) : now(std::move(first)) {}
    detail::replaceable<snapshot> now;
    verified_chains paths{trust::cached_paths};
    keywarden::detail::recent<pki::fingerprint, admitted_peer> admitted{max_remembered};
  };

  [[nodiscard]] static error gone(const principal& who) {
    return error(errc::peer_unknown)
        .with(fact::name, who.login)
        .with(fact::reason, "its certificate stands for it no more");
  }

  /// From the cache, or judged. A response that the peer brought is always looked at where it
  /// counts, in mode `online`.
  [[nodiscard]] result<pki::verified_path> path_of(const snapshot& present,
                                                   const peer_evidence& evidence,
                                                   time_point now) const {
    const auto& trusting = present.trusting;
    const auto purpose = evidence.peer == side::connector ? pki::certificate_purpose::client
                                                          : pki::certificate_purpose::server;
    const std::string_view name =
        trust::names_dialled ? std::string_view(evidence.dialled) : std::string_view();
    if (trust::names_dialled && evidence.peer == side::acceptor && evidence.dialled.empty())
      return error(errc::invalid_argument)
          .with(fact::reason, "nobody knows whom the connector dialled");
    const auto judge_now = [&] {
      return pki::judge_path(std::span(evidence.chain), trusting.anchors, purpose,
                             trusting.revocation, std::span(evidence.stapled), now, name);
    };
    if constexpr (trust::cached_paths == 0) {
      return judge_now();
    } else {
      const bool stapled =
          trusting.revocation.mode == pki::revocation_mode::online && !evidence.stapled.empty();
      if (stapled || evidence.chain.size() > pki::max_chain_length) return judge_now();
      const auto key_at = [&](std::uint64_t revocation) {
        return chain_key::of(evidence.chain, purpose, name, trusting.anchors.generation(),
                             checks_revocation(present) ? revocation : 0);
      };
      auto key =
          key_at(checks_revocation(present) ? trusting.revocation.snapshot().generation() : 0);
      if (auto known = state_->paths.find(key, now)) return std::move(*known);
      auto made = judge_now();
      if (!made) return made;
      // The lists may have been replaced in between: what it was judged under counts.
      state_->paths.keep(key_at(made->revocation_generation()), *made, now);
      return made;
    }
  }

  [[nodiscard]] static result<void> expect_allowed(const snapshot& present,
                                                   const pki::certificate& leaf) {
    if (present.trusting.allows(leaf)) return done();
    return error(errc::admission_refused)
        .with(fact::kind, "allow-list")
        .with(fact::peer, to_text(leaf.fingerprint()))
        .with(fact::key, to_text(leaf.key_fingerprint()))
        .with(fact::next_step, "if this peer is expected, put its fingerprint on the allow-list");
  }
  [[nodiscard]] static result<principal> admit(const snapshot& present,
                                               const pki::certificate& shown,
                                               const pki::key_fingerprint& key) {
    if (auto listed = expect_allowed(present, shown); !listed) return listed.error();
    const auto& known = present.access.known();
    const auto leaf = shown.fingerprint();
    auto owner = known.who_owns(leaf);
    if (!owner) owner = known.who_owns(key);
    auto login = owner ? std::optional(owner->login) : login_of_strangers(present.trusting, shown);
    if (!login)
      return error(errc::peer_unknown)
          .with(fact::peer, to_text(leaf))
          .with(fact::key, to_text(key))
          .with(fact::next_step, "add its certificate to the directory, for a user");
    if (auto may = present.access.expect_connect(*login); !may)
      return error(may.error()).with(fact::key, to_text(leaf));
    return principal{login->text(), owner ? owner->user.text() : std::string(), leaf};
  }
  /// Whom a peer stands for that the directory does not have; none: it must.
  [[nodiscard]] static std::optional<object_name> login_of_strangers(
      const trust& trusting, const pki::certificate& shown) {
    std::optional<object_name> login;
    const auto look = [&](const auto& option) {
      if constexpr (requires { option.login; })
        if (!login && option.allows(shown)) login = option.login;
    };
    std::apply([&](const auto&... each) { (look(each), ...); }, trusting.options);
    return login;
  }

  [[nodiscard]] static result<void> still_good(const snapshot& present,
                                               const pki::verified_path& path) {
    const auto& anchors = present.trusting.anchors.certificates();
    if (std::ranges::find(anchors, path.anchor()) == anchors.end())
      return error(errc::certificate_untrusted)
          .with(fact::peer, detail::shown_as(path.leaf()))
          .with(fact::reason, "its authority is not trusted any more");
    if (checks_revocation(present)) {
      const auto lists = present.trusting.revocation.snapshot();
      const auto& all = path.certificates();
      for (std::size_t i = 0; i + 1 < all.size(); ++i)
        for (const auto& list : lists.lists())
          if (list.x509().issuer_dn() == all[i].x509().issuer_dn() &&
              list.x509().is_revoked(all[i].x509()) && list.signed_by(all[i + 1]))
            return error(errc::certificate_revoked)
                .with(fact::peer, detail::shown_as(path.leaf()))
                .with(fact::key, all[i].serial());
    }
    return done();
  }

  [[nodiscard]] static bool checks_revocation(const snapshot& present) {
    return present.trusting.revocation.mode != pki::revocation_mode::no_check;
  }

  std::shared_ptr<shared> state_;
};

static_assert(
    authenticator<certificate<trust::chain<pki::revocation::offline, trust::leaf_fingerprints>>>);

}  // namespace keywarden::auth
