/// @file
/// What an instance keeps of a scale-out deployment in its own vault.
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <keywarden/key/role.hpp>
#include <keywarden/protect/opened_record.hpp>
#include <keywarden/vault/names.hpp>
#include <keywarden/vault/scale_out/installation.hpp>
#include <keywarden/vault/scale_out/shared_backup.hpp>
#include <keywarden/vault/state.hpp>

namespace keywarden {

/// How far an instance has come.
enum class membership_stage : std::uint8_t {
  joining,   ///< it has a key pair, and waits for a member to approve it
  creating,  ///< it is about to write the first key of a new deployment
  active,    ///< it is a member, and knows what the deployment's key is
  removed,   ///< it has seen that it is no member any more
};

/// A short digest of a stored state of a record.
using state_digest = strong_bytes<16, struct state_digest_tag>;

/// What an instance keeps of a deployment: its private key, and by what it recognises the shared
/// key. Holds secrets: move-only.
struct membership {
  membership_stage stage = membership_stage::joining;  ///< how far it has come
  installation_id installation;                        ///< this instance
  std::string name;              ///< what people call the instance; at most 64 bytes
  record_id record;              ///< the deployment's key record; not while joining
  std::uint64_t generation = 0;  ///< active, removed: the newest state of that record that was seen
  state_digest state;            ///< the same: and its digest
  commitment trusted_key;        ///< active: the record key that `trusted` belongs to
  key_id version;                ///< creating: the first version
  secret_key private_key;        ///< of the composition's KEM
  secret_key trusted;  ///< creating: the version's secret; active: a witness key; 32 bytes each
};

/// A membership as it was read, with the revision to name when replacing it.
struct stored_membership {
  membership kept;           ///< what the instance keeps
  store::revision revision;  ///< names this state when replacing it
};

/// A concept matching places where an instance keeps its memberships, each under the instance's
/// own protection. Satisfied by `membership_keeper<State>`.
///
/// `load` gives what is kept for a deployment, or nothing. `save` replaces what was at a revision,
/// or makes it where there was none, durably and all or nothing (`store_conflict` otherwise);
/// `forget` removes it. `back_up` and `read_back_up` write and read a shared key under a password.
/// `now` is the present time.
template <class T>
concept keeps_membership = std::copyable<T> &&
    requires(T& keeper, const object_name& deployment, const membership& kept,
             std::optional<store::revision> expected, store::revision present,
             const password& protection, const shared_backup& shared, bytes_view file) {
  { keeper.load(deployment) } -> std::same_as<result<std::optional<stored_membership>>>;
  { keeper.save(deployment, kept, expected) } -> std::same_as<result<void>>;
  { keeper.forget(deployment, present) } -> std::same_as<result<void>>;
  { keeper.back_up(shared, protection) } -> std::same_as<result<bytes>>;
  { keeper.read_back_up(file, protection) } -> std::same_as<result<shared_backup>>;
  { keeper.now() } -> std::same_as<time_point>;
};

/// Keeps memberships in a vault, each in a record under its service master key: whoever steals the
/// vault's store learns no private key, and whoever can only write it can remove a membership or
/// put an earlier one back, but not make one. A handle may be copied; it keeps the vault's state
/// alive. Any thread.
template <class State>
class membership_keeper {
  using backup_password = typename State::password_protector;

 public:
  /// Made by `vault::memberships`.
  explicit membership_keeper(std::shared_ptr<State> state) noexcept : state_(std::move(state)) {}

  /// Errors: `access_lost`, `no_slot_opened`, `authentication_failed`, `malformed`; those of the
  /// store.
  [[nodiscard]] result<std::optional<stored_membership>> load(const object_name& deployment) {
    const auto lock = state_->lock();
    auto loaded = state_->load(record_of(deployment));
    if (!loaded && loaded.error().code() == errc::not_found)
      return std::optional<stored_membership>();
    if (!loaded) return loaded.error();
    auto parent = state_->service_parent();
    if (!parent) return parent.error();
    auto record = opened_record::open(loaded->record, kind(), loaded->name.text(), *parent);
    if (!record) return record.error();
    auto kept = read(*record);
    if (!kept) return kept.error().with(fact::name, loaded->name.text());
    return std::optional(stored_membership{std::move(*kept), loaded->revision});
  }

  /// Errors: `store_conflict`, `access_lost`; those of the store.
  [[nodiscard]] result<void> save(const object_name& deployment, const membership& kept,
                                  std::optional<store::revision> expected) {
    require_edge<role::service_master_key, role::scale_out_member>();
    const auto lock = state_->lock();
    auto saved = state_->fenced([&]() -> result<void> {
      auto parent = state_->service_parent();
      if (!parent) return parent.error();
      const auto at = record_of(deployment);
      auto record = opened_record::create(kind(), at, requirements_of<protect::service_master_key>,
                                          material(kept));
      if (!record) return record.error();
      record->header().attributes = {{"stage", static_cast<unsigned>(kept.stage)},
                                     {"installation", to_hex(kept.installation.view())},
                                     {"name", kept.name},
                                     {"record", to_hex(kept.record.view())},
                                     {"generation", kept.generation},
                                     {"state", to_hex(kept.state.view())},
                                     {"trusted_key", to_hex(kept.trusted_key.view())},
                                     {"version", kept.version.value()}};
      if (auto added = record->add_slot(*parent, "service master key"); !added)
        return added.error();
      auto data = record->encode();
      if (!data) return data.error();
      store::transaction changes;
      if (expected)
        changes.replace(at, *expected, std::move(*data));
      else
        changes.create(at, std::move(*data));
      return committed(std::move(changes), at, expected);
    });
    if (!saved && saved.error().code() == errc::plan_is_stale)
      return error(errc::store_conflict).with(fact::name, record_of(deployment).text());
    return saved;
  }

  /// Errors: `store_conflict`; those of the store.
  [[nodiscard]] result<void> forget(const object_name& deployment, store::revision present) {
    const auto lock = state_->lock();
    store::transaction changes;
    changes.erase(record_of(deployment), present);
    return state_->commit(std::move(changes));
  }

  /// The vault's present time.
  [[nodiscard]] time_point now() const { return state_->now(); }

  /// Errors: `password_refused`; those of randomness.
  [[nodiscard]] result<bytes> back_up(const shared_backup& shared, const password& protection) {
    const auto lock = state_->lock();
    if (auto good = state_->passwords().check(protection); !good) return good.error();
    return detail::write_shared_backup<backup_password>(shared, protection);
  }
  /// Errors: as reading any backup.
  [[nodiscard]] result<shared_backup> read_back_up(bytes_view file, const password& protection) {
    return detail::read_shared_backup<backup_password, typename State::accepts>(file, protection);
  }

 private:
  static constexpr std::size_t trusted_size = 32;

  [[nodiscard]] static std::string_view kind() noexcept { return role::scale_out_member::name; }
  [[nodiscard]] static record_name record_of(const object_name& deployment) {
    return detail::server_record_name<role::scale_out_member>(deployment);
  }

  // A conflict over the record itself is for the caller to see at once (under another name until
  // then); one over the fence is tried again by `fenced`.
  [[nodiscard]] result<void> committed(store::transaction changes, const record_name& at,
                                       std::optional<store::revision> expected) {
    auto written = state_->commit(std::move(changes));
    if (written || written.error().code() != errc::store_conflict) return written;
    auto present = state_->records().get(at);
    if (!present) return present.error();
    const auto revision = *present ? std::optional((*present)->revision) : std::nullopt;
    if (revision == expected) return written;
    return error(errc::plan_is_stale).with(fact::name, at.text());
  }

  // The private key, and behind it what is trusted, if anything is.
  [[nodiscard]] static plaintext material(const membership& kept) {
    const auto key = detail::view_of(kept.private_key);
    const auto trusted = detail::view_of(kept.trusted);
    plaintext out(key.size() + trusted.size());
    copy_bytes(out.view(), key);
    copy_bytes(out.view().subspan(key.size()), trusted);
    return out;
  }
  [[nodiscard]] static result<membership> read(const opened_record& record) {
    detail::json_reader from(record.header().attributes, "membership");
    membership made;
    const auto stage = from.number("stage", 3);
    made.stage = static_cast<membership_stage>(stage);
    made.installation = from.hex<installation_id>("installation");
    made.name = from.text("name", record_limits::label);
    made.record = from.hex<record_id>("record");
    made.generation = from.number("generation");
    made.state = from.hex<state_digest>("state");
    made.trusted_key = from.hex<commitment>("trusted_key");
    made.version = key_id(static_cast<std::uint32_t>(from.number("version", 0xffffffffU)));
    if (auto ok = from.finish(); !ok) return ok.error();
    const auto data = record.material().view();
    const bool trusts =
        made.stage == membership_stage::creating || made.stage == membership_stage::active;
    const auto trusted = trusts ? trusted_size : 0;
    if (data.size() <= trusted)
      return error(errc::malformed).with(fact::reason, "the secrets of a membership");
    made.private_key = secret_key::copy_of(data.first(data.size() - trusted));
    made.trusted = secret_key::copy_of(data.last(trusted));
    return made;
  }

  std::shared_ptr<State> state_;
};

}  // namespace keywarden
