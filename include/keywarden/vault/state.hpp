/// @file
/// What the handles of one vault share: the store, the service master key, and the session's opened
/// keys.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <keywarden/core/clock.hpp>
#include <keywarden/protect/opened_record.hpp>
#include <keywarden/store/concepts.hpp>
#include <keywarden/store/stand_back.hpp>
#include <keywarden/vault/concepts.hpp>
#include <keywarden/vault/names.hpp>
#include <keywarden/vault/password_policy.hpp>
#include <keywarden/vault/ring_material.hpp>

namespace keywarden {

/// How the service master key fared when the vault was opened.
struct service_key_report {
  std::vector<protect::slot_report> slots;  ///< how each way in fared
  std::vector<std::string> repaired;        ///< the schemes of those that were made anew
  bool created = false;                     ///< the key was made just now, on first need

  /// Whether every way in is good now.
  [[nodiscard]] bool healthy() const {
    return std::ranges::all_of(slots, [&](const protect::slot_report& each) {
      return each.what == protect::slot_report::outcome::opened ||
             std::ranges::count(repaired, each.scheme) != 0;
    });
  }
};

namespace detail {

/// A record as it was read, with the revision to name when replacing it.
struct loaded_record {
  record_name name;
  key_record record;
  store::revision revision;
};

/// The state that a vault and its handles share. Any thread, under `lock`.
template <vault_policy Policy, clock_source Clock>
class vault_state {
 public:
  using service_key = typename Policy::service_key;
  using password_kdf = typename password_kdf_of<typename Policy::database_key>::type;
  using password_protector = protect::password<password_kdf>;
  using accepts = typename accepts_of<Policy>::type;

  vault_state(typename Policy::store records, service_key key, Clock clock,
              password_policy passwords)
      : records_(std::move(records)),
        service_key_(std::move(key)),
        clock_(std::move(clock)),
        passwords_(std::move(passwords)) {}

  [[nodiscard]] auto lock() { return std::unique_lock(mutex_); }
  [[nodiscard]] typename Policy::store& records() noexcept { return records_; }
  [[nodiscard]] const service_key& protector() const noexcept { return service_key_; }
  void set_protector(service_key key) { service_key_ = std::move(key); }
  [[nodiscard]] time_point now() const { return clock_.now(); }
  [[nodiscard]] const password_policy& passwords() const noexcept { return passwords_; }

  /// Reads and parses a record. Errors: `not_found`, those of the store and of parsing, with the
  /// name.
  [[nodiscard]] result<loaded_record> load(const record_name& name) {
    auto found = records_.get(name);
    if (!found) return found.error();
    if (!*found) return error(errc::not_found).with(fact::name, name.text());
    auto record = key_record::parse((*found)->data);
    if (!record) return error(record.error()).with(fact::name, name.text());
    return loaded_record{name, std::move(*record), (*found)->revision};
  }

  /// Whether there is such a record. Errors: those of the store.
  [[nodiscard]] result<bool> exists(const record_name& name) {
    auto found = records_.get(name);
    if (!found) return found.error();
    return found->has_value();
  }

  /// Runs `work`, which looks at what depends on what and then commits, so that no other process
  /// changes that in between: else a key made under a parent could slip past that parent's
  /// replacement or removal, and be lost. Both sides read the fence first and replace it with their
  /// commit; who comes second looks again. Errors: those of `work`; `store_conflict` when others
  /// keep coming first.
  template <class Work>
  [[nodiscard]] std::invoke_result_t<Work&> fenced(Work&& work) {
    if (fence_) return work();
    for (int attempt = 0;; ++attempt) {
      auto found = records_.get(fence_name());
      if (!found) return found.error();
      fence_.emplace(*found ? std::optional((*found)->revision) : std::nullopt);
      auto made = work();
      fence_.reset();
      if (made || made.error().code() != errc::store_conflict || attempt == 64) return made;
      store::stand_back(attempt);
    }
  }

  /// Commits, and replaces the fence within `fenced`. Errors: those of the store.
  [[nodiscard]] result<void> commit(store::transaction changes) {
    if (fence_) {
      auto drawn = random_public<strong_bytes<16, struct fence_tag>>();
      if (!drawn) return drawn.error();
      auto mark = to_bytes(as_bytes(to_hex(drawn->view()) + "\n"));
      if (*fence_)
        changes.replace(fence_name(), **fence_, std::move(mark));
      else
        changes.create(fence_name(), std::move(mark));
    }
    return records_.commit(changes);
  }

  /// Makes or opens the service master key, and heals what can be healed.
  /// Errors: `not_found` when there is none and `may_create` is not set, `access_lost` with a cause
  /// for each way in, `secret_unavailable`, those of the store.
  [[nodiscard]] result<void> open_service_key(bool may_create) {
    for (int attempt = 0;; ++attempt) {
      auto opened = open_or_create_once(may_create);
      // Another process made or healed it at the same moment: look again.
      if (opened || opened.error().code() != errc::store_conflict || attempt == 8) return opened;
    }
  }

  /// The service master key as a parent, read again when another process has replaced it.
  /// Errors: as `open_service_key`.
  [[nodiscard]] result<protect::service_master_key> service_parent() {
    auto found = records_.get(service_key_name());
    if (!found) return found.error();
    if (!*found) return error(errc::not_found).with(fact::name, "smk");
    if (!service_ring_ || (*found)->revision != service_revision_) {
      if (auto opened = open_service_key(false); !opened) return opened.error();
    }
    return protect::service_master_key(as_parent(service_id_, *service_ring_));
  }

  /// The ring of the opened service master key; only after `service_parent` or `open_service_key`.
  [[nodiscard]] const key_ring& service_ring() const noexcept { return *service_ring_; }
  [[nodiscard]] const record_id& service_id() const noexcept { return service_id_; }
  [[nodiscard]] bool service_open() const noexcept { return service_ring_.has_value(); }
  [[nodiscard]] const service_key_report& report() const noexcept { return report_; }
  void forget_service_key() noexcept { service_ring_.reset(); }

  /// The record of a new service master key, with a slot for each way in. Secrets that are missing
  /// are made if `may_provision`: creating, restoring and changing the protector are the occasions
  /// for that. Errors: those of the protectors.
  [[nodiscard]] result<bytes> encode_service_key(const key_ring& ring, std::optional<record_id> id,
                                                 std::uint64_t generation = 0,
                                                 bool may_provision = true) {
    if (may_provision)
      if (auto made = provision(); !made) return made.error();
    auto record = opened_record::create(role::service_master_key::name, service_key_name(),
                                        requirements_of<service_key>, ring_material(ring));
    if (!record) return record.error();
    if (id) record->header().id = *id;
    record->header().generation = generation;
    record->header().versions = ring_versions(ring);
    if (auto added = record->add_slots_of(service_key_); !added) return added.error();
    return record->encode();
  }

  /// Makes the secrets of all ways in that have none. Errors: `io_failed`, `secret_unavailable`.
  [[nodiscard]] result<void> provision() const {
    result<void> all = done();
    protect::detail::for_each_alternative(service_key_, [&](const auto& each) {
      if constexpr (requires { each.provision(); })
        if (all) all = each.provision();
    });
    return all;
  }

  /// The session: the record keys of database master keys that were opened with a password, by
  /// database, until they are closed.
  struct session_key {
    secret_key record_key;
    std::set<std::uint64_t> guards;
  };
  /// A number for one more guard.
  [[nodiscard]] std::uint64_t number_guard() noexcept { return ++last_guard_; }
  [[nodiscard]] std::map<std::string, session_key>& session() noexcept { return session_; }

 private:
  [[nodiscard]] result<void> open_or_create_once(bool may_create) {
    auto loaded = load(service_key_name());
    if (!loaded) {
      if (loaded.error().code() != errc::not_found) return loaded.error();
      if (!may_create)
        return error(errc::not_found)
            .with(fact::kind, role::service_master_key::name)
            .with(fact::next_step, "initialise the vault, or check that this is the right store");
      return create_service_key();
    }
    const protect::unlock_options every{true, protect::kdf_budget::default_work};
    auto record = opened_record::open<service_key, accepts>(
        loaded->record, role::service_master_key::name, "smk", service_key_, every);
    if (!record) return lost(record.error());
    auto ring = load_ring(*record);
    if (!ring) return ring.error();
    report_ = {record->reports(), {}, false};
    if (auto healed = heal(*record, loaded->revision); !healed) return healed;
    service_id_ = record->header().id;
    service_ring_ = std::move(*ring);
    return done();
  }

  [[nodiscard]] result<void> create_service_key() {
    auto others = records_.list("");
    if (!others) return others.error();
    std::erase(*others, fence_name());
    if (!others->empty()) {
      auto meanwhile = exists(service_key_name());
      if (!meanwhile) return meanwhile.error();
      if (*meanwhile)
        return error(errc::store_conflict).with(fact::name, "smk");  // another process was first
      return error(errc::store_corrupt)
          .with(fact::kind, role::service_master_key::name)
          .with(fact::reason, "the store has records but no service master key")
          .with(fact::next_step, "restore a backup of the service master key");
    }
    auto ring = key_ring::create(now());
    if (!ring) return ring.error();
    auto data = encode_service_key(*ring, std::nullopt);
    if (!data) return data.error();
    store::transaction changes;
    changes.create(service_key_name(), std::move(*data));
    if (auto written = records_.commit(changes); !written) return written;
    if (auto opened = open_or_create_once(false); !opened) return opened;
    report_.created = true;
    return done();
  }

  /// Makes anew, from a way in that opened, those whose secret was read whole and did not fit.
  [[nodiscard]] result<void> heal(opened_record& record, store::revision revision) {
    std::vector<std::string> repaired;
    result<void> all = done();
    protect::detail::for_each_alternative(service_key_, [&](const auto& each) {
      if (!all) return;
      const auto scheme = each.scheme();
      for (const auto& fared : record.reports()) {
        if (fared.scheme != scheme || fared.what != protect::slot_report::outcome::did_not_fit)
          continue;
        all = record.replace_slot(fared.slot, each);
        if (all) repaired.push_back(scheme);
      }
      if (all && std::ranges::count(record.header().slots, scheme, &slot::scheme) == 0) {
        if (auto added = record.add_slot(each, scheme))
          repaired.push_back(scheme);
        else if (added.error().code() != errc::secret_unavailable)
          all = added.error();
      }
    });
    if (!all) return all;
    if (repaired.empty()) {
      service_revision_ = revision;
      return done();
    }
    auto& log = record.header().attributes["repairs"];
    if (!log.is_array()) log = json::array();
    for (const auto& scheme : repaired)
      log.push_back({{"scheme", scheme},
                     {"time", now().time_since_epoch().count()},
                     {"instance", instance()}});
    while (log.size() > 16) log.erase(log.begin());
    auto data = record.encode();
    if (!data) return data.error();
    store::transaction changes;
    changes.replace(service_key_name(), revision, *data);
    if (auto written = records_.commit(changes); !written) return written;
    report_.repaired = std::move(repaired);
    auto now_stored = records_.get(service_key_name());
    if (!now_stored) return now_stored.error();
    // Replaced again already, perhaps with another key: this ring must not pass as that one.
    if (!*now_stored || (*now_stored)->data != *data)
      return error(errc::store_conflict).with(fact::name, "smk");
    service_revision_ = (*now_stored)->revision;
    return done();
  }

  /// Which process healed: host name and process id, for people.
  [[nodiscard]] static std::string instance() {
    char host[64] = {};
    ::gethostname(host, sizeof(host) - 1);
    return std::string(host) + ":" + std::to_string(::getpid());
  }

  [[nodiscard]] static error lost(const error& why) {
    if (why.code() != errc::no_slot_opened) return why;
    const bool unreadable = std::ranges::any_of(
        why.causes(), [](const error& each) { return each.code() != errc::authentication_failed; });
    return error(errc::access_lost)
        .because(why)
        .with(
            fact::next_step,
            std::string(unreadable ? "make the secrets readable again, " : "") +
                "return to the original machine or account, restore a backup of the service "
                "master key, or make a new one (regenerate with force): what only the present one "
                "opens is lost, and databases that have a password are then opened with it");
  }

  std::recursive_mutex mutex_;
  typename Policy::store records_;
  service_key service_key_;
  Clock clock_;
  password_policy passwords_;
  std::optional<key_ring> service_ring_;
  record_id service_id_;
  store::revision service_revision_;
  service_key_report report_;
  std::map<std::string, session_key> session_;
  std::uint64_t last_guard_ = 0;
  std::optional<std::optional<store::revision>> fence_;  // within `fenced`: the fence as it was
};

}  // namespace detail
}  // namespace keywarden
