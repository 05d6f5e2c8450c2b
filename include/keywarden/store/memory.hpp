/// @file
/// Records in this process's memory: for tests and for data that may vanish.
#pragma once

#include <map>
#include <memory>
#include <mutex>

#include <keywarden/store/concepts.hpp>
#include <keywarden/store/rules.hpp>

namespace keywarden::store {

/// A record store in memory. Satisfies `record_store`.
///
/// Protects against: lost updates and half-done transactions between threads.
///
/// Does not protect against: the end of the process; nothing is written anywhere, and nothing is
/// wiped (records hold sealed bytes only).
///
/// Ownership: move-only; `share()` makes a second object on the same place, which lives as long as
/// its last object. A moved-from object may only be assigned to or destroyed.
///
/// Threads: one object, and objects that share a place, may be used from several threads.
///
/// Errors: those of the concept that can happen here: `store_conflict`, `invalid_argument`,
/// `limit_exceeded`.
class memory {
 public:
  static constexpr std::string_view kind = "memory";

  /// A new, empty place.
  memory() : place_(std::make_shared<place>()) {}

  memory(memory&&) noexcept = default;
  memory& operator=(memory&&) noexcept = default;
  memory(const memory&) = delete;
  memory& operator=(const memory&) = delete;
  ~memory() = default;

  /// A second object on the same place.
  [[nodiscard]] memory share() const { return memory(place_); }

  /// The record as last committed, or nothing.
  [[nodiscard]] result<std::optional<stored_record>> get(const record_name& name) const {
    const std::scoped_lock held(place_->guard);
    const auto found = place_->records.find(name);
    if (found == place_->records.end()) return std::optional<stored_record>();
    return std::optional<stored_record>(found->second);
  }

  /// The names that start with `prefix`, sorted.
  [[nodiscard]] result<std::vector<record_name>> list(std::string_view prefix) const {
    const std::scoped_lock held(place_->guard);
    std::vector<record_name> names;
    for (const auto& [name, record] : place_->records)
      if (name.text().starts_with(prefix)) names.push_back(name);
    return names;
  }

  /// All changes, or none.
  [[nodiscard]] result<void> commit(const transaction& changes) {
    if (auto sound = detail::check(changes); !sound) return sound;
    const std::scoped_lock held(place_->guard);
    for (const auto& each : changes.changes()) {
      const auto found = place_->records.find(each.name);
      const auto present = found == place_->records.end()
                               ? std::nullopt
                               : std::optional<store::revision>(found->second.revision);
      if (present != each.expected) return detail::conflict(each.name);
    }
    auto after = place_->records;  // a copy, so that running out of memory changes nothing
    const store::revision fresh(place_->last_revision + 1);
    for (const auto& each : changes.changes()) {
      if (each.data)
        after.insert_or_assign(each.name, stored_record{*each.data, fresh});
      else
        after.erase(each.name);
    }
    place_->records.swap(after);
    place_->last_revision = fresh.value();
    return done();
  }

 private:
  struct place {
    std::mutex guard;
    std::map<record_name, stored_record> records;
    std::uint64_t last_revision = 0;
  };
  explicit memory(std::shared_ptr<place> shared) noexcept : place_(std::move(shared)) {}

  std::shared_ptr<place> place_;
};

static_assert(record_store<memory>);

}  // namespace keywarden::store
