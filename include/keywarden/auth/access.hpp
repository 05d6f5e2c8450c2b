/// @file
/// What all authenticators share: replaceable snapshots, the look at the evidence, and CONNECT.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <botan/hash.h>
#include <botan/mem_ops.h>

#include <keywarden/auth/directory.hpp>
#include <keywarden/auth/evidence.hpp>
#include <keywarden/auth/proof.hpp>
#include <keywarden/core/bytes.hpp>
#include <keywarden/pki/dates.hpp>

namespace keywarden::auth {

/// The endpoint that peers want to connect to, and whom this instance knows. Immutable once an
/// authenticator holds it; a cheap copy.
class endpoint_access {
 public:
  /// `owner` is the login that owns the endpoint (its AUTHORIZATION).
  endpoint_access(directory known, object_name endpoint, object_name owner)
      : known_(std::make_shared<const directory>(std::move(known))),
        endpoint_(endpoint),
        owner_(owner) {}

  /// Whom the instance knows. Valid as long as this or a copy.
  [[nodiscard]] const directory& known() const noexcept { return *known_; }
  /// The endpoint that permissions are looked up for.
  [[nodiscard]] const object_name& endpoint() const noexcept { return endpoint_; }
  /// The login that has every permission on the endpoint.
  [[nodiscard]] const object_name& owner() const noexcept { return owner_; }
  /// The same endpoint and owner, judged by another directory; this one stays as it is.
  [[nodiscard]] endpoint_access with(directory known) const {
    return {std::move(known), endpoint_, owner_};
  }

  /// Whether a login has CONNECT on the endpoint. Errors: `not_permitted` with the reason.
  [[nodiscard]] result<void> expect_connect(const object_name& login) const {
    const auto found = known_->effective(login, permission::connect, endpoint_, owner_);
    if (found.allowed()) return done();
    return error(errc::not_permitted)
        .with(fact::kind, "CONNECT")
        .with(fact::peer, login.text())
        .with(fact::name, endpoint_.text())
        .with(fact::reason, name_of(found.why))
        .with(fact::next_step,
              "GRANT CONNECT ON ENDPOINT::" + endpoint_.text() + " TO it, if it should connect");
  }

 private:
  std::shared_ptr<const directory> known_;
  object_name endpoint_;
  object_name owner_;
};

namespace detail {

/// A snapshot that is replaced as a whole while others read it. Readers wait for the copy of a
/// pointer at most, never for whoever makes the next one.
template <class Snapshot>
class replaceable {
 public:
  explicit replaceable(Snapshot first)
      : present_(std::make_shared<const Snapshot>(std::move(first))) {}

  [[nodiscard]] std::shared_ptr<const Snapshot> read() const {
    const std::lock_guard held(reading_);
    return present_;
  }
  /// One change at a time; none is lost.
  void change(auto&& edit) {
    const std::lock_guard writer(writing_);
    Snapshot next(*read());
    edit(next);
    std::shared_ptr<const Snapshot> made = std::make_shared<const Snapshot>(std::move(next));
    const std::lock_guard held(reading_);
    present_.swap(made);  // the old one goes after the lock
    ++generation_;
  }
  /// How often it was changed.
  [[nodiscard]] std::uint64_t generation() const {
    const std::lock_guard held(reading_);
    return generation_;
  }

 private:
  std::mutex writing_;
  mutable std::mutex reading_;
  std::shared_ptr<const Snapshot> present_;
  std::uint64_t generation_ = 0;
};

/// Names of peers nobody knows are not written to logs; their fingerprints are.
[[nodiscard]] inline std::string shown_as(const pki::certificate& leaf) {
  return to_text(leaf.fingerprint());
}

/// Errors: `peer_unproven` for evidence that is not a certificate's.
[[nodiscard]] inline result<void> expect_chain(const peer_evidence& evidence) {
  if (!evidence.chain.empty() && evidence.shared_key_identity.empty()) return done();
  return error(errc::peer_unproven)
      .with(fact::reason, evidence.chain.empty() ? "it showed no certificate"
                                                 : "it used a pre-shared key as well");
}

/// Errors: `certificate_expired`, `certificate_not_yet_valid`, with the date.
[[nodiscard]] inline result<void> expect_valid(const pki::certificate& leaf, time_point now) {
  if (now < leaf.not_before())
    return error(errc::certificate_not_yet_valid)
        .with(fact::peer, shown_as(leaf))
        .with(fact::date, pki::to_text(leaf.not_before()));
  if (leaf.not_after() < now)
    return error(errc::certificate_expired)
        .with(fact::peer, shown_as(leaf))
        .with(fact::date, pki::to_text(leaf.not_after()))
        .with(fact::next_step, "the peer needs a new certificate");
  return done();
}

/// Whether the two are the same bytes.
[[nodiscard]] inline bool same_bytes(const pki::certificate& left, const pki::certificate& right) {
  const auto first = left.der();
  const auto second = right.der();
  return first.size() == second.size() &&
         Botan::constant_time_compare(bytes_view(first), bytes_view(second));
}

/// The directory's own certificate of these bytes, found by their SHA-256; nothing when it has
/// none.
[[nodiscard]] inline std::optional<pki::certificate> registered_as(const directory& known,
                                                                   bytes_view der) {
  const auto hash = Botan::HashFunction::create("SHA-256");
  if (hash == nullptr) return std::nullopt;  // whoever asked reads the bytes, and is told why not
  pki::fingerprint shown;
  hash->update(der);
  hash->final(shown.view());
  const auto* const found = known.find_certificate(shown);
  return found == nullptr ? std::nullopt : std::optional(*found);
}

/// Whom a principal's login is. Errors: `peer_unknown` for one no login can have.
[[nodiscard]] inline result<object_name> login_of(const principal& who) {
  auto login = object_name::parse(who.login);
  if (!login) return error(errc::peer_unknown).with(fact::reason, "no login has such a name");
  return login;
}

}  // namespace detail
}  // namespace keywarden::auth
