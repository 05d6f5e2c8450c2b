/// @file
/// Whether and how it is checked that a certificate was not revoked: a policy.
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>
#include <utility>

#include <keywarden/pki/revocation_snapshot.hpp>

namespace keywarden::pki {

/// How revocation is checked, with the numbers of .NET's X509RevocationMode.
enum class revocation_mode : std::uint8_t {
  no_check = 0,  ///< not at all
  online = 1,    ///< lists that are kept fresh, and responses that the peer brings
  offline = 2,   ///< only the lists that were loaded
};

/// A concept matching policies of checking revocation. Satisfied by `revocation::no_check`,
/// `revocation::offline`, `revocation::online`, and `revocation::configured`, whose mode a
/// configuration chooses.
///
/// `snapshot()` gives what is known now; it never waits for anybody but a copy of a pointer, and is
/// called from every handshake's thread. Where `mode` is not `no_check`, every certificate of a
/// path but the anchor needs current evidence that it was not revoked: nothing fails softly.
template <class T>
concept revocation_check = std::copyable<T> && requires(const T& check) {
  { T::name } -> std::convertible_to<std::string_view>;
  { check.mode } -> std::convertible_to<revocation_mode>;
  { check.snapshot() } -> std::same_as<revocation_snapshot>;
};

namespace detail {

/// A snapshot that can be replaced while others read it.
class snapshot_cell {
 public:
  [[nodiscard]] revocation_snapshot read() const {
    const std::lock_guard held(mutex_);
    return now_;
  }
  void replace(revocation_snapshot by) {
    const std::lock_guard held(mutex_);
    std::swap(now_, by);  // the old one goes after the lock
  }

 private:
  mutable std::mutex mutex_;
  revocation_snapshot now_;
};

}  // namespace detail

namespace revocation {

/// No check: a certificate that its authority has revoked is accepted until it expires. A named
/// weakening; right where allow-lists are edited instead.
struct no_check {
  static constexpr std::string_view name = "no_check";
  static constexpr revocation_mode mode = revocation_mode::no_check;
  [[nodiscard]] static revocation_snapshot snapshot() { return {}; }
};

/// Only the lists that were loaded. A list that is missing, stale, or promises no next one is
/// `revocation_unknown`. Copies share the lists: `load` on one of them replaces them for all.
/// Any thread.
class offline {
 public:
  static constexpr std::string_view name = "offline";
  static constexpr revocation_mode mode = revocation_mode::offline;

  /// Nothing is loaded: every certificate is refused until something is.
  offline() : cell_(std::make_shared<detail::snapshot_cell>()) {}
  explicit offline(revocation_snapshot loaded) : offline() { load(std::move(loaded)); }

  /// From now on, these lists.
  void load(revocation_snapshot lists) const { cell_->replace(std::move(lists)); }
  [[nodiscard]] revocation_snapshot snapshot() const { return cell_->read(); }

 private:
  std::shared_ptr<detail::snapshot_cell> cell_;
};

/// Lists that a `revocation_refresher` keeps fresh, and OCSP responses that the peer staples.
/// Handshakes never fetch: they read what is there. Copies share the lists. Any thread.
class online {
 public:
  static constexpr std::string_view name = "online";
  static constexpr revocation_mode mode = revocation_mode::online;

  online() : cell_(std::make_shared<detail::snapshot_cell>()) {}

  /// From now on, these lists; what a refresher calls.
  void load(revocation_snapshot lists) const { cell_->replace(std::move(lists)); }
  [[nodiscard]] revocation_snapshot snapshot() const { return cell_->read(); }

 private:
  std::shared_ptr<detail::snapshot_cell> cell_;
};

/// The mode that a configuration file says. A program that uses it accepts `no_check` where an
/// administrator writes it: prefer the types above where the program can decide. Copies share the
/// lists. Any thread.
class configured {
 public:
  static constexpr std::string_view name = "configured";

  explicit configured(revocation_mode chosen)
      : mode(chosen), cell_(std::make_shared<detail::snapshot_cell>()) {}

  revocation_mode mode;

  /// From now on, these lists; with `no_check` nobody looks at them.
  void load(revocation_snapshot lists) const { cell_->replace(std::move(lists)); }
  [[nodiscard]] revocation_snapshot snapshot() const { return cell_->read(); }

 private:
  std::shared_ptr<detail::snapshot_cell> cell_;
};

static_assert(revocation_check<no_check>);
static_assert(revocation_check<offline>);
static_assert(revocation_check<online>);
static_assert(revocation_check<configured>);

}  // namespace revocation
}  // namespace keywarden::pki
