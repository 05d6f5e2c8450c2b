/// @file
/// What a key protector is, and the compile-time arithmetic of what a composition of them offers.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include <keywarden/core/result.hpp>
#include <keywarden/core/secret.hpp>
#include <keywarden/core/strong.hpp>
#include <keywarden/key/requirements.hpp>
#include <keywarden/key/strict_json.hpp>

namespace keywarden {

/// What can be lost. Each is a set of one factor, for `survives`.
namespace loss {
/// The service account is another one, or its secret is gone.
struct account {
  static constexpr factors lost{factor::account};
};
/// The machine is another one, or its secret is gone.
struct machine {
  static constexpr factors lost{factor::machine};
};
/// Nobody knows the password any more.
struct password {
  static constexpr factors lost{factor::password};
};
/// The key above in the hierarchy is gone.
struct parent_key {
  static constexpr factors lost{factor::parent_key};
};
/// The recipient's private key is gone.
struct recipient {
  static constexpr factors lost{factor::recipient};
};
}  // namespace loss

namespace protect {

/// How much password hashing one attempt to open may cost in all, whatever a file asks for.
///
/// Counted in SHA-256 blocks like `requirements::guess_cost`: an Argon2id guess at 64 MiB and 3
/// passes is about 3 million. The default allows about 85 of these. One thread.
class kdf_budget {
 public:
  /// 2^28 SHA-256 blocks.
  static constexpr std::uint64_t default_work = std::uint64_t{1} << 28U;

  explicit kdf_budget(std::uint64_t work = default_work) noexcept : left_(work) {}

  /// Errors: `limit_exceeded` when less than `work` is left; nothing is spent then.
  [[nodiscard]] result<void> spend(std::uint64_t work) {
    if (work > left_)
      return error(errc::limit_exceeded)
          .with(fact::reason, "total password hashing cost of one attempt")
          .with(fact::limit, left_)
          .with(fact::actual, work);
    left_ -= work;
    return done();
  }

 private:
  std::uint64_t left_;
};

/// Where a slot stands: what it is bound to, so that it opens nowhere else.
struct slot_context {
  record_id record;  ///< the record's id
  std::string kind;  ///< the record's kind
  std::string name;  ///< the record's name
  std::string path;  ///< the place of a leg within a combination
  kdf_budget* budget =
      nullptr;  ///< what password hashing may still cost; null: the default for each slot

  /// The context of one leg of a combination.
  [[nodiscard]] slot_context leg(std::size_t index) const {
    auto made = *this;
    made.path += '/' + std::to_string(index);
    return made;
  }

  /// All of it as unambiguous bytes, for key derivation.
  [[nodiscard]] bytes encode(std::string_view scheme) const {
    bytes out;
    append_length_prefixed(out, as_bytes("keywarden/1/slot"));
    append_length_prefixed(out, as_bytes(scheme));
    append_length_prefixed(out, record.view());
    append_length_prefixed(out, as_bytes(kind));
    append_length_prefixed(out, as_bytes(name));
    append_length_prefixed(out, as_bytes(path));
    return out;
  }
};

/// Looks at a candidate for a hidden key and says whether it is the right one.
using candidate_check = std::function<result<bool>(const secret_key&)>;

/// A concept matching everything that can hide a 32-byte key and find it again. Satisfied by
/// `account`, `machine`, `password<Kdf>`, `wrapped_by<Role>`, `recipient<Kem>` and by the
/// combinations `any_of`, `all_of`, `threshold`, `self_healing`, which nest.
///
/// `hide(key, context)` makes public data from which only the protector's secret finds `key` again.
/// `recover(data, context, check)` finds candidates and shows each to `check` until one is right;
/// it is true when one was. The data of a leaf carries no redundancy of its own: only the whole
/// record's commitment tells a right candidate from a wrong one, so that a thief cannot test one
/// leg of a combination alone (a private key's own padding check, as in RSA-OAEP, is the one
/// exception). A protector refuses with an `error` when its secret could not be used
/// (`secret_unavailable`, `secret_required`, `unknown_key`), when data is not its own
/// (`malformed`), or costs too much (`limit_exceeded`); a secret that was used and was wrong is not
/// an error but `false`.
///
/// Facts: `scheme()` names it in files; `offers` says how strong it is; `interactive` whether a
/// person has to be there; `opens_without(lost)` whether it still opens when those factors are
/// gone.
template <class T>
concept key_protector = std::movable<T> &&
    requires(const T& protector, const secret_key& key, const slot_context& context,
             const nlohmann::json& data, const candidate_check& check, factors lost) {
  { T::scheme() } -> std::same_as<std::string>;
  { T::offers } -> std::convertible_to<requirements>;
  { T::interactive } -> std::convertible_to<bool>;
  { T::opens_without(lost) } -> std::same_as<bool>;
  { protector.hide(key, context) } -> std::same_as<result<stored_json>>;
  { protector.recover(data, context, check) } -> std::same_as<result<bool>>;
};

namespace detail {

/// What every way in needs, found by taking each factor away in turn.
template <class Protector>
[[nodiscard]] constexpr factors bound_to() noexcept {
  factors bound;
  for (const auto each : all_factors)
    if (!Protector::opens_without(factors{each})) bound.insert(each);
  return bound;
}

}  // namespace detail
}  // namespace protect

/// Whether `Protector` still opens after these losses, all together:
/// `static_assert(!survives<service_key, loss::account, loss::machine>);`
template <protect::key_protector Protector, class... Loss>
inline constexpr bool survives = [] {
  factors lost;
  for (const auto each : all_factors)
    if ((Loss::lost.contains(each) || ...)) lost.insert(each);
  return Protector::opens_without(lost);
}();

/// Bits of security of the weakest way into what `Protector` hides, on a classical computer; 0 when
/// a password alone opens it (see `requirements::guess_cost`).
template <protect::key_protector Protector>
inline constexpr unsigned strength = Protector::offers.strength;

/// Whether every way into what `Protector` hides withstands a quantum computer.
template <protect::key_protector Protector>
inline constexpr bool quantum_safe = Protector::offers.quantum_safe;

/// All that `Protector` offers, as the data a record keeps.
template <protect::key_protector Protector>
inline constexpr requirements requirements_of = [] {
  auto offered = requirements(Protector::offers);
  offered.bound_to = protect::detail::bound_to<Protector>();
  return offered;
}();

}  // namespace keywarden
