/// @file
/// What the steps of a set-up hand on to each other, and how each is made safe to repeat.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <keywarden/endpoint/configuration.hpp>
#include <keywarden/endpoint/peers.hpp>

namespace keywarden::detail {

/// What became of one peer.
struct inbound_progress {
  std::string peer;
  std::optional<object_name> login;
  std::optional<object_name> user;
  std::optional<object_name> name;  ///< of the certificate
  std::optional<pki::certificate> certificate;
};

/// Everything that a set-up knows so far. The types of the steps say which of it is there.
template <class Vault, clock_source Clock>
struct setup_progress {
  using database = typename Vault::database_handle;
  using open_key = typename decltype(std::declval<const database&>().master_key().open(
      std::declval<const password&>()))::value_type;

  Vault vault;
  Clock clock;
  std::optional<endpoint_role> part = std::nullopt;
  std::optional<database> master = std::nullopt;
  std::shared_ptr<open_key> opened = nullptr;  ///< keeps the master key open during the set-up
  std::optional<object_name> certificate = std::nullopt;
  std::optional<pki::certificate> own = std::nullopt;
  std::optional<endpoint_definition> definition = std::nullopt;
  std::filesystem::path exported = {};
  inbound_progress present = {};             ///< the peer that is being configured
  std::vector<inbound_progress> peers = {};  ///< those that were
};

/// A refusal of what is there and is not as it is asked for.
[[nodiscard]] inline error differs(std::string_view kind, const std::string& name,
                                   std::string_view what) {
  return error(errc::already_exists)
      .with(fact::kind, kind)
      .with(fact::name, name)
      .with(fact::reason, "it differs: " + std::string(what))
      .with(fact::next_step, "ask for it as it is, or choose another name, or drop it first");
}

/// Lets `change` alter the directory where that makes a difference: what is so already is not
/// written again. Errors: those of `change`, `change_directory`.
template <class Database, class Change>
[[nodiscard]] result<void> ensure_in_directory(const Database& in, const Change& change) {
  auto present = auth::load_directory(in);
  if (!present) return present.error();
  auto wanted = *present;
  if (auto changed = change(wanted); !changed) return changed;
  if (wanted == *present) return done();
  auto stored = auth::change_directory(in, change);
  if (!stored) return stored.error();
  return done();
}

/// Whether a certificate says what `options` would make another say. Errors: `already_exists` with
/// what differs; those of the options.
[[nodiscard]] inline result<void> expect_made_from(const object_name& name,
                                                   const pki::certificate& present,
                                                   const pki::certificate_options& options) {
  auto plan = pki::detail::plan_of(options, present.not_before());
  if (!plan) return plan.error();
  return guarded("comparing certificates", [&]() -> result<void> {
    if (present.x509().subject_dn() != plan->subject)
      return differs("certificate", name.text(), "its subject is " + present.subject());
    if (present.x509().subject_alt_name().BER_encode() != plan->names.BER_encode())
      return differs("certificate", name.text(), "its alternative names");
    if (options.start && *options.start != present.not_before())
      return differs("certificate", name.text(),
                     "it starts on " + pki::to_text(present.not_before()));
    if (options.expiry && *options.expiry != present.not_after())
      return differs("certificate", name.text(),
                     "it expires on " + pki::to_text(present.not_after()));
    return done();
  });
}

/// Errors: `certificate_expired`.
[[nodiscard]] inline result<void> expect_not_expired(const pki::certificate& of, time_point now,
                                                     std::string_view next_step) {
  if (now <= of.not_after()) return done();
  return error(errc::certificate_expired)
      .with(fact::name, of.subject())
      .with(fact::date, pki::to_text(of.not_after()))
      .with(fact::next_step, next_step);
}

/// Says which peers are missing: the compiler shows this function with them as its arguments.
template <class... Missing>
consteval bool inbound_is_missing_for() {
  static_assert(sizeof...(Missing) == 0,
                "start() needs the inbound connection of every peer: configure_inbound<…>() and "
                "its five steps for each peer that inbound_is_missing_for<…> names here");
  return true;
}
template <class... Left>
consteval bool explain_missing(const peers<Left...>* /*left*/) {
  return inbound_is_missing_for<Left...>();
}

}  // namespace keywarden::detail
