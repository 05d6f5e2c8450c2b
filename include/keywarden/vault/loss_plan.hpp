/// @file
/// What would be lost, before it is: the two steps of everything that is forced.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <keywarden/core/error.hpp>
#include <keywarden/crypto/kdf.hpp>
#include <keywarden/key/key_ring.hpp>

namespace keywarden {

/// One thing that could not be carried over, and why.
struct expected_loss {
  std::string name;  ///< the record's name
  std::string kind;  ///< its role
  /// Why it could not be carried over.
  error why;
};

namespace detail {
struct loss_plan_access;
}

/// A plan to replace a master key, with exactly what would be lost by carrying it out.
///
/// Made by a `plan_…` function and carried out by `execute`, which refuses it (`plan_is_stale`)
/// once anything it was made from has changed. Losses are not touched: their records stay as they
/// are, sealed under the old key. Holds the new key: move-only.
class loss_plan {
 public:
  /// What the plan is for.
  enum class operation {
    regenerate_service_key,
    restore_service_key,
    regenerate_database_key,
    restore_database_key
  };

  /// What the plan is for; another operation refuses it.
  [[nodiscard]] operation what() const noexcept { return what_; }

  /// What would be lost; empty when nothing would, and then the plain operation succeeds as well.
  [[nodiscard]] const std::vector<expected_loss>& losses() const noexcept { return losses_; }

  /// How many dependents would be carried over.
  [[nodiscard]] std::size_t carried_over() const noexcept { return carried_over_; }

 private:
  friend struct detail::loss_plan_access;
  explicit loss_plan(key_ring ring) : ring_(std::move(ring)) {}

  operation what_ = operation::regenerate_service_key;
  std::vector<expected_loss> losses_;
  std::size_t carried_over_ = 0;
  std::string database_;
  crypto::digest state_;
  record_id id_;
  key_ring ring_;
  password password_;
};

namespace detail {

/// The vault's door to a plan's inside.
struct loss_plan_access {
  [[nodiscard]] static loss_plan make(loss_plan::operation what, key_ring ring, record_id id) {
    loss_plan made(std::move(ring));
    made.what_ = what;
    made.id_ = id;
    return made;
  }
  static auto& losses(loss_plan& plan) noexcept { return plan.losses_; }
  static auto& carried_over(loss_plan& plan) noexcept { return plan.carried_over_; }
  static auto& database(loss_plan& plan) noexcept { return plan.database_; }
  static auto& state(loss_plan& plan) noexcept { return plan.state_; }
  static auto& id(loss_plan& plan) noexcept { return plan.id_; }
  static auto& ring(loss_plan& plan) noexcept { return plan.ring_; }
  static auto& new_password(loss_plan& plan) noexcept { return plan.password_; }
};

}  // namespace detail
}  // namespace keywarden
