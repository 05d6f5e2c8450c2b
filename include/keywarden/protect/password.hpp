/// @file
/// Opening a key with something a person knows.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include <keywarden/crypto/password_kdf.hpp>
#include <keywarden/protect/concepts.hpp>
#include <keywarden/protect/pad.hpp>

namespace keywarden::protect {

/// Opens for whoever knows the password, anywhere.
///
/// Protects as well as the password is hard to guess at the cost of `Kdf`; it therefore offers a
/// guess cost and 0 bits of strength. The cost stored in a slot is checked against the KDF's floor
/// and ceiling, and the total of one attempt against a budget, before any memory is taken. Holds
/// the password or a way to ask for it; asks once at most, and only when a slot needs it. Any
/// thread. Errors: `secret_required` when there is neither, what asking gave, `limit_exceeded`,
/// `weaker_than_required`, `password_refused` above 1,024 bytes, `malformed`.
template <crypto::password_kdf Kdf = crypto::argon2id<>>
class password {
 public:
  /// How the password is hashed.
  using kdf = Kdf;

  static std::string scheme() { return "password/" + std::string(Kdf::name); }
  static constexpr requirements offers{0, Kdf::guess_cost, true, {}};
  static constexpr bool interactive = true;
  static constexpr bool opens_without(factors lost) noexcept {
    return !lost.contains(factor::password);
  }

  /// Without a password: its slots are reported as needing one.
  password() = default;

  /// With the password.
  explicit password(keywarden::password known)
      : held_(std::make_shared<held>(std::move(known), nullptr)) {}

  /// With a way to ask: `ask()` gives a `result<keywarden::password>` and is called once at most.
  explicit password(std::function<result<keywarden::password>()> ask)
      : held_(std::make_shared<held>(keywarden::password{}, std::move(ask))) {}

  [[nodiscard]] result<stored_json> hide(const secret_key& key, const slot_context& context) const {
    auto known = get();
    if (!known) return known.error();
    auto salted = random_public<salt>();
    if (!salted) return salted.error();
    auto derived = Kdf::derive(**known, *salted, Kdf::cost);
    if (!derived) return derived.error();
    return detail::hide_under(key, *derived, context.encode(scheme()),
                              {{"scheme", scheme()},
                               {"password_salt", to_hex(salted->view())},
                               {"memory_kib", Kdf::cost.memory_kib},
                               {"iterations", Kdf::cost.iterations},
                               {"lanes", Kdf::cost.lanes}});
  }

  [[nodiscard]] result<bool> recover(const nlohmann::json& data, const slot_context& context,
                                     const candidate_check& check) const {
    keywarden::detail::json_reader read(data, "slot data");
    detail::expect_scheme(read, scheme());
    const auto salted = read.template hex<salt>("password_salt");
    const crypto::kdf_cost cost{static_cast<std::uint32_t>(read.number("memory_kib", 0xffffffffU)),
                                static_cast<std::uint32_t>(read.number("iterations", 0xffffffffU)),
                                static_cast<std::uint32_t>(read.number("lanes", 0xffffffffU))};
    const auto hidden = detail::hidden_key::read(read);
    if (auto ok = read.finish(); !ok) return ok.error();
    auto known = get();
    if (!known) return known.error();
    if (context.budget != nullptr) {
      const auto work =
          std::max<std::uint64_t>(std::uint64_t{cost.memory_kib} * 16U, 2U) * cost.iterations;
      if (auto spent = context.budget->spend(work); !spent) return spent.error();
    }
    auto derived = Kdf::derive(**known, salted, cost);
    if (!derived) return derived.error();
    auto candidate = hidden.candidate(*derived, context.encode(scheme()));
    if (!candidate) return candidate.error();
    return check(*candidate);
  }

 private:
  struct held {
    held(keywarden::password typed, std::function<result<keywarden::password>()> prompt)
        : known(std::move(typed)), ask(std::move(prompt)) {}
    std::mutex mutex;
    keywarden::password known;
    std::function<result<keywarden::password>()> ask;
    error refused;  // what asking gave instead of a password
  };

  [[nodiscard]] result<const keywarden::password*> get() const {
    const auto missing = [] {
      return error(errc::secret_required)
          .with(fact::scheme, scheme())
          .with(fact::next_step, "give the password");
    };
    if (held_ == nullptr) return missing();
    const std::lock_guard lock(held_->mutex);
    if (held_->known.empty() && held_->ask) {
      auto typed = std::exchange(held_->ask, nullptr)();
      if (typed)
        held_->known = std::move(*typed);
      else
        held_->refused = typed.error();
    }
    if (!(held_->refused == errc::none)) return held_->refused;
    if (held_->known.empty()) return missing();
    return static_cast<const keywarden::password*>(&held_->known);
  }

  std::shared_ptr<held> held_;
};

static_assert(key_protector<password<>>);

}  // namespace keywarden::protect
