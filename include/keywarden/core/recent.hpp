/// @file
/// A bounded map that forgets what was not asked for the longest.
#pragma once

#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

namespace keywarden::detail {

/// A map of at most `capacity` entries; the one that was not asked for the longest goes
/// first. Any thread.
template <class Key, class Value>
class recent {
  using entry_list = std::list<std::pair<Key, Value>>;

 public:
  explicit recent(std::size_t capacity) noexcept : capacity_(capacity) {}

  [[nodiscard]] std::optional<Value> find(const Key& key) {
    const std::lock_guard held(mutex_);
    const auto at = places_.find(key);
    if (at == places_.end()) return std::nullopt;
    entries_.splice(entries_.begin(), entries_, at->second);
    return at->second->second;
  }
  void keep(const Key& key, Value value) {
    if (capacity_ == 0) return;
    const std::lock_guard held(mutex_);
    if (const auto at = places_.find(key); at != places_.end()) {
      at->second->second = std::move(value);
      entries_.splice(entries_.begin(), entries_, at->second);
      return;
    }
    if (entries_.size() == capacity_) {
      places_.erase(entries_.back().first);
      entries_.pop_back();
    }
    entries_.emplace_front(key, std::move(value));
    places_.emplace(key, entries_.begin());
  }
  void forget(const Key& key) {
    const std::lock_guard held(mutex_);
    const auto at = places_.find(key);
    if (at == places_.end()) return;
    entries_.erase(at->second);
    places_.erase(at);
  }
  /// Empties it; what it held goes when the caller lets it go.
  [[nodiscard]] auto take_all() {
    entry_list all;
    const std::lock_guard held(mutex_);
    places_.clear();
    all.swap(entries_);
    return all;
  }
  [[nodiscard]] std::size_t size() const {
    const std::lock_guard held(mutex_);
    return entries_.size();
  }

 private:
  mutable std::mutex mutex_;
  std::size_t capacity_;
  entry_list entries_;  // the last asked for first
  std::map<Key, typename entry_list::iterator> places_;
};

}  // namespace keywarden::detail
