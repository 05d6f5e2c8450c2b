/// @file
/// A key with versions: one seals, the older ones still open.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include <keywarden/core/clock.hpp>
#include <keywarden/core/random.hpp>
#include <keywarden/core/result.hpp>
#include <keywarden/core/secret.hpp>
#include <keywarden/core/strong.hpp>
#include <keywarden/key/key_state.hpp>

namespace keywarden {

/// One version of a key. The secret is empty once the version is destroyed.
struct key_version {
  key_id id;
  /// Whether it seals, opens, or neither.
  key_state state = key_state::created;
  /// When it was made.
  time_point created{};
  std::uint64_t leased_messages = 0;  ///< how many seals processes have leased so far
  /// What the keys of purposes are derived from.
  secret_key secret;
};

/// The versions of one key, oldest first; exactly one of them is active.
///
/// Holds secrets: move-only. One thread at a time; for use by many threads open it (`opened_key`).
class key_ring {
 public:
  /// The most versions that a ring holds: destroyed ones count, and can be pruned.
  static constexpr std::size_t max_versions = 256;

  key_ring(key_ring&&) noexcept = default;
  key_ring& operator=(key_ring&&) noexcept = default;
  key_ring(const key_ring&) = delete;
  key_ring& operator=(const key_ring&) = delete;
  ~key_ring() = default;

  /// A ring with one active version. Errors: those of the source of randomness.
  template <random_source Random = system_random>
  [[nodiscard]] static result<key_ring> create(time_point now, Random&& random = Random{}) {
    key_ring made;
    if (auto added = made.add(now, random); !added) return added.error();
    made.versions_.front().state = key_state::active;
    return made;
  }

  /// A ring from versions that were stored. Errors: `malformed` when no version or more than one is
  /// active, when an id is zero or appears twice, or when a live version has no 32-byte secret;
  /// `limit_exceeded` above `max_versions`.
  [[nodiscard]] static result<key_ring> adopt(std::vector<key_version> versions) {
    if (versions.size() > max_versions)
      return error(errc::limit_exceeded)
          .with(fact::limit, max_versions)
          .with(fact::actual, versions.size());
    std::size_t active = 0;
    for (const auto& each : versions) {
      active += each.state == key_state::active ? 1 : 0;
      const bool alive = each.state != key_state::destroyed;
      if (each.id.value() == 0 || each.secret.size() != (alive ? 32U : 0U) ||
          std::ranges::count(versions, each.id, &key_version::id) != 1)
        return error(errc::malformed)
            .with(fact::key, each.id.value())
            .with(fact::reason, "key version");
    }
    if (active != 1)
      return error(errc::malformed).with(fact::reason, "a key ring has exactly one active version");
    key_ring made;
    made.versions_ = std::move(versions);
    return made;
  }

  /// The versions, oldest first.
  [[nodiscard]] const std::vector<key_version>& versions() const noexcept { return versions_; }

  /// The version that seals.
  [[nodiscard]] const key_version& active() const noexcept {
    return *std::ranges::find(versions_, key_state::active, &key_version::state);
  }

  /// The version of this id, or null.
  [[nodiscard]] const key_version* find(key_id id) const noexcept {
    const auto at = std::ranges::find(versions_, id, &key_version::id);
    return at == versions_.end() ? nullptr : &*at;
  }

  /// Adds a version in state `created`: it opens, and does not seal until it is promoted, so that
  /// every process can learn of it first. Errors: `limit_exceeded`; those of the source.
  template <random_source Random = system_random>
  [[nodiscard]] result<key_id> add(time_point now, Random&& random = Random{}) {
    if (versions_.size() >= max_versions)
      return error(errc::limit_exceeded)
          .with(fact::limit, max_versions)
          .with(fact::next_step, "prune destroyed versions");
    auto secret = random_key(32, random);
    if (!secret) return secret.error();
    key_id id;
    do {
      auto drawn = random_public<strong_bytes<4, struct key_id_bytes>>(random);
      if (!drawn) return drawn.error();
      id = key_id(load_big_endian<std::uint32_t>(drawn->view()));
    } while (id.value() == 0 || find(id) != nullptr);
    versions_.push_back({id, key_state::created, now, 0, std::move(*secret)});
    return id;
  }

  /// Makes a created or retired version the active one; the active one retires.
  /// Errors: `unknown_key`, `key_state_refused`.
  [[nodiscard]] result<void> promote(key_id id) {
    auto* next = change(id);
    if (next == nullptr) return unknown(id);
    if (!may_become(next->state, key_state::active)) return refused(*next, key_state::active);
    change(active().id)->state = key_state::retired;
    next->state = key_state::active;
    return done();
  }

  /// Stops a created or retired version from opening. Errors: `unknown_key`, `key_state_refused`.
  [[nodiscard]] result<void> disable(key_id id) { return move_to(id, key_state::disabled); }

  /// Lets a disabled version open again. Errors: `unknown_key`, `key_state_refused`.
  [[nodiscard]] result<void> enable(key_id id) { return move_to(id, key_state::retired); }

  /// Wipes a disabled version: what it sealed is lost. Errors: `unknown_key`, `key_state_refused`.
  [[nodiscard]] result<void> destroy(key_id id) {
    auto moved = move_to(id, key_state::destroyed);
    if (moved) change(id)->secret.wipe();
    return moved;
  }

  /// Forgets destroyed versions. Returns how many there were.
  std::size_t prune() {
    return std::erase_if(versions_,
                         [](const auto& each) { return each.state == key_state::destroyed; });
  }

  /// Counts messages that a process may seal under the active version.
  /// Errors: `budget_exhausted` when more than `limit` would be leased in all.
  [[nodiscard]] result<void> lease_messages(std::uint64_t count, std::uint64_t limit) {
    return lease_messages(active().id, count, limit);
  }

  /// The same under any version that is not disabled or destroyed: a process that has not yet
  /// learned of a rotation seals under the version it knows. Errors: `unknown_key`,
  /// `key_state_refused`, `budget_exhausted`.
  [[nodiscard]] result<void> lease_messages(key_id id, std::uint64_t count, std::uint64_t limit) {
    auto* version = change(id);
    if (version == nullptr) return unknown(id);
    if (!opens(version->state)) return refused(*version, key_state::active);
    if (count > limit || version->leased_messages > limit - count)
      return error(errc::budget_exhausted)
          .with(fact::key, version->id.value())
          .with(fact::limit, limit)
          .with(fact::actual, version->leased_messages)
          .with(fact::next_step, "rotate the key");
    version->leased_messages += count;
    return done();
  }

 private:
  key_ring() = default;  // without an active version: only to be filled

  [[nodiscard]] key_version* change(key_id id) noexcept {
    const auto at = std::ranges::find(versions_, id, &key_version::id);
    return at == versions_.end() ? nullptr : &*at;
  }
  [[nodiscard]] result<void> move_to(key_id id, key_state to) {
    auto* version = change(id);
    if (version == nullptr) return unknown(id);
    // Only `promote` may retire the active version: a ring without one could not seal.
    if (version->state == key_state::active || !may_become(version->state, to))
      return refused(*version, to);
    version->state = to;
    return done();
  }
  static error unknown(key_id id) { return error(errc::unknown_key).with(fact::key, id.value()); }
  static error refused(const key_version& version, key_state to) {
    return error(errc::key_state_refused)
        .with(fact::key, version.id.value())
        .with(fact::state, name_of(version.state))
        .with(fact::operation, name_of(to))
        .with(fact::next_step, version.state == key_state::active
                                   ? "promote another version first"
                                   : "disable a version before destroying it");
  }

  std::vector<key_version> versions_;
};

}  // namespace keywarden
