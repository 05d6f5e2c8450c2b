/// @file
/// Combinations of protectors: any of them, all of them, or k of them.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <keywarden/crypto/shamir.hpp>
#include <keywarden/protect/concepts.hpp>
#include <keywarden/protect/pad.hpp>

namespace keywarden::protect {

namespace detail {

/// The most candidates that a combination may give; more do not compile.
inline constexpr std::size_t max_candidates = 256;

/// How many candidates a protector may give: one, unless it says otherwise.
template <class Protector>
inline constexpr std::size_t candidates = [] {
  if constexpr (requires { Protector::candidates; })
    return std::size_t{Protector::candidates};
  else
    return std::size_t{1};
}();

/// How many candidates any `needed` of several protectors may give together; above the limit, just
/// that.
template <std::size_t Count>
[[nodiscard]] constexpr std::size_t combinations(
    std::size_t needed, const std::array<std::size_t, Count>& each) noexcept {
  std::array<std::size_t, Count + 1> ways{1};  // ways[k]: with k of the protectors looked at so far
  for (const auto one : each)
    for (std::size_t k = Count; k > 0; --k)
      ways[k] = std::min(ways[k] + ways[k - 1] * one, max_candidates + 1);
  return needed <= Count ? ways[needed] : 0;
}

template <class... Protectors>
[[nodiscard]] std::string list_schemes(std::string_view name) {
  std::string text(name);
  text += '(';
  std::string_view separator;
  ((text.append(separator).append(Protectors::scheme()), separator = ","), ...);
  return text + ')';
}

/// The legs of a stored combination. Errors: `malformed`.
[[nodiscard]] inline result<std::vector<nlohmann::json>> read_legs(
    keywarden::detail::json_reader& read, std::size_t count) {
  std::vector<nlohmann::json> legs;
  for (const auto& each : read.array("legs", count)) legs.push_back(each);
  if (legs.size() != count) read.fail("legs", "not as many as the composition has");
  if (auto ok = read.finish(); !ok) return ok.error();
  return legs;
}

/// Every candidate that a leg gives: none is right or wrong by itself. Errors: as `recover`.
template <key_protector Protector>
[[nodiscard]] result<std::vector<secret_key>> candidates_of(const Protector& leg,
                                                            const nlohmann::json& data,
                                                            const slot_context& context) {
  std::vector<secret_key> found;
  auto looked = leg.recover(data, context, [&](const secret_key& candidate) -> result<bool> {
    if (found.size() < candidates<Protector>) found.push_back(candidate.duplicate());
    return false;
  });
  if (!looked) return looked.error();
  return found;
}

/// Hides one share under each leg, and returns the legs' data.
template <class... Protectors, std::size_t... Index>
[[nodiscard]] result<stored_json> hide_shares(const std::tuple<Protectors...>& legs,
                                              const std::vector<secret_key>& shares,
                                              const slot_context& context,
                                              std::index_sequence<Index...>) {
  auto stored = nlohmann::json::array();
  result<void> all = done();
  const auto hide_one = [&](const auto& leg, std::size_t index) {
    if (!all) return;
    auto made = leg.hide(shares[index], context.leg(index));
    if (made)
      stored.push_back(std::move(made->value));
    else
      all = made.error();
  };
  (hide_one(std::get<Index>(legs), Index), ...);
  if (!all) return all.error();
  return stored_json{std::move(stored)};
}

/// The candidates of every leg, or why there are none.
template <class... Protectors, std::size_t... Index>
[[nodiscard]] auto candidates_of_all(const std::tuple<Protectors...>& legs,
                                     const std::vector<nlohmann::json>& data,
                                     const slot_context& context, std::index_sequence<Index...>) {
  std::array<result<std::vector<secret_key>>, sizeof...(Protectors)> found{
      candidates_of(std::get<Index>(legs), data[Index], context.leg(Index))...};
  return found;
}

/// The weakest `Count` of several offers are what an attacker needs; this is how strong they are
/// together.
template <std::size_t Needed, std::size_t Count>
[[nodiscard]] constexpr requirements combined(std::array<requirements, Count> each,
                                              bool interactive) noexcept {
  requirements made;
  auto by_strength = each;
  std::ranges::sort(by_strength, {}, &requirements::strength);
  made.strength = by_strength[Needed - 1].strength;
  auto by_guess = each;
  std::ranges::sort(by_guess, {}, &requirements::guess_cost);
  made.guess_cost = by_guess[Needed - 1].guess_cost;
  const auto breakable =
      static_cast<std::size_t>(std::ranges::count(each, false, &requirements::quantum_safe));
  made.quantum_safe = breakable < Needed;
  // An interactive slot keeps a hybrid key pair beside it (see slots.hpp), which has 128 bits.
  if (interactive && made.strength > 128) made.strength = 128;
  return made;
}

}  // namespace detail

/// Any one of the protectors opens: for a key that must survive losses.
///
/// As the outermost combination each alternative gets a slot of its own in the record. As strong as
/// its weakest. Inside another combination its alternatives hide the same share, so that two of
/// them that agree tell that both are right: put alternatives that are weak, such as two passwords,
/// outermost.
template <key_protector... Protectors>
class any_of {
  static_assert(sizeof...(Protectors) >= 1,
                "any_of needs at least one protector: nothing would open it");

 public:
  /// The protectors, each of which opens by itself.
  using alternatives = std::tuple<Protectors...>;

  static std::string scheme() { return detail::list_schemes<Protectors...>("any_of"); }
  static constexpr bool interactive = (Protectors::interactive || ...);
  /// How many keys `recover` may show to its check at most.
  static constexpr std::size_t candidates = (std::size_t{0} + ... + detail::candidates<Protectors>);
  static constexpr requirements offers = detail::combined<1>(
      std::array<requirements, sizeof...(Protectors)>{Protectors::offers...}, false);
  static constexpr bool opens_without(factors lost) noexcept {
    return (Protectors::opens_without(lost) || ...);
  }

  any_of() requires(std::default_initializable<Protectors>&&...) = default;
  explicit any_of(Protectors... each) requires(sizeof...(Protectors) >= 1)
      : each_(std::move(each)...) {}

  /// The protectors, in the order of the type.
  [[nodiscard]] const alternatives& each() const noexcept { return each_; }

  [[nodiscard]] result<stored_json> hide(const secret_key& key, const slot_context& context) const {
    std::vector<secret_key> same;
    for (std::size_t i = 0; i < sizeof...(Protectors); ++i) same.push_back(key.duplicate());
    auto legs = detail::hide_shares(each_, same, context, std::index_sequence_for<Protectors...>{});
    if (!legs) return legs.error();
    return stored_json{{{"scheme", scheme()}, {"legs", std::move(legs->value)}}};
  }

  /// Every alternative that can be tried is; errors only when none can.
  [[nodiscard]] result<bool> recover(const nlohmann::json& data, const slot_context& context,
                                     const candidate_check& check) const {
    keywarden::detail::json_reader read(data, "slot data");
    detail::expect_scheme(read, scheme());
    auto legs = detail::read_legs(read, sizeof...(Protectors));
    if (!legs) return legs.error();
    return try_each(*legs, context, check, std::index_sequence_for<Protectors...>{});
  }

 private:
  template <std::size_t... Index>
  [[nodiscard]] result<bool> try_each(const std::vector<nlohmann::json>& legs,
                                      const slot_context& context, const candidate_check& check,
                                      std::index_sequence<Index...>) const {
    bool found = false;
    bool tried = false;
    error none(errc::no_slot_opened);
    const auto try_one = [&](const auto& protector, std::size_t index) {
      if (found) return;
      auto opened = protector.recover(legs[index], context.leg(index), check);
      if (opened) {
        tried = true;
        found = *opened;
      } else {
        none = std::move(none).because(opened.error());
      }
    };
    (try_one(std::get<Index>(each_), Index), ...);
    if (!tried && !found) return none;
    return found;
  }

  alternatives each_;
};

/// All of the protectors are needed: for a key that no single theft opens.
///
/// Each leg hides an independent random share; the key hides under HKDF of all of them. Only the
/// whole combination can be checked, so a wrong leg is reported as the combination's. Lost with any
/// of its legs.
template <key_protector... Protectors>
class all_of {
  static_assert(sizeof...(Protectors) >= 2,
                "all_of needs at least two protectors: one alone needs no combination");

 public:
  static std::string scheme() { return detail::list_schemes<Protectors...>("all_of"); }
  static constexpr bool interactive = (Protectors::interactive || ...);
  /// How many keys `recover` may show to its check at most.
  static constexpr std::size_t candidates = detail::combinations<sizeof...(Protectors)>(
      sizeof...(Protectors), {detail::candidates<Protectors>...});
  static_assert(
      candidates <= detail::max_candidates,
      "all_of would have to try more than 256 combinations: take fewer alternatives inside it");
  static constexpr requirements offers = detail::combined<sizeof...(Protectors)>(
      std::array<requirements, sizeof...(Protectors)>{Protectors::offers...}, interactive);
  static constexpr bool opens_without(factors lost) noexcept {
    return (Protectors::opens_without(lost) && ...);
  }

  all_of() requires(std::default_initializable<Protectors>&&...) = default;
  explicit all_of(Protectors... each) : each_(std::move(each)...) {}

  [[nodiscard]] result<stored_json> hide(const secret_key& key, const slot_context& context) const {
    std::vector<secret_key> shares;
    for (std::size_t i = 0; i < sizeof...(Protectors); ++i) {
      auto share = random_key(detail::hidden_size);
      if (!share) return share.error();
      shares.push_back(std::move(*share));
    }
    auto legs =
        detail::hide_shares(each_, shares, context, std::index_sequence_for<Protectors...>{});
    if (!legs) return legs.error();
    return detail::hide_under(key, join(shares), context.encode(scheme()),
                              {{"scheme", scheme()}, {"legs", std::move(legs->value)}});
  }

  [[nodiscard]] result<bool> recover(const nlohmann::json& data, const slot_context& context,
                                     const candidate_check& check) const {
    keywarden::detail::json_reader read(data, "slot data");
    detail::expect_scheme(read, scheme());
    const auto hidden = detail::hidden_key::read(read);
    auto legs = detail::read_legs(read, sizeof...(Protectors));
    if (!legs) return legs.error();
    const auto found =
        detail::candidates_of_all(each_, *legs, context, std::index_sequence_for<Protectors...>{});
    std::size_t combinations = 1;  // at most `candidates`
    for (const auto& each : found) {
      if (!each) return each.error();
      combinations *= each->size();
    }
    for (std::size_t number = 0; number < combinations; ++number) {
      std::vector<secret_key> shares;
      auto rest = number;
      for (const auto& each : found) {
        shares.push_back((*each)[rest % each->size()].duplicate());
        rest /= each->size();
      }
      auto candidate = hidden.candidate(join(shares), context.encode(scheme()));
      if (!candidate) return candidate.error();
      auto right = check(*candidate);
      if (!right || *right) return right;
    }
    return false;
  }

 private:
  [[nodiscard]] static secret_key join(const std::vector<secret_key>& shares) {
    auto joined = keywarden::detail::sized_key(shares.size() * detail::hidden_size);
    auto out = keywarden::detail::secret_access::view(joined);
    for (const auto& share : shares) {
      std::ranges::copy(keywarden::detail::view_of(share), out.begin());
      out = out.subspan(detail::hidden_size);
    }
    return joined;
  }

  std::tuple<Protectors...> each_;
};

/// `Needed` of the protectors open: for a key that no few holders may have alone and no few losses
/// may take.
///
/// Shamir's sharing over the legs; the key hides under HKDF of the shared secret. Only the whole
/// combination can be checked: with fewer than `Needed` right legs nothing tells which were right.
template <std::size_t Needed, key_protector... Protectors>
class threshold {
  static_assert(Needed >= 2, "threshold needs at least two: for any one of several take any_of");
  static_assert(Needed <= sizeof...(Protectors),
                "threshold needs more protectors than there are: nothing would open it");
  static_assert(sizeof...(Protectors) <= 8, "threshold takes at most eight protectors");

 public:
  /// How many protectors there are.
  static constexpr std::size_t count = sizeof...(Protectors);

  static std::string scheme() {
    return detail::list_schemes<Protectors...>("threshold/" + std::to_string(Needed));
  }
  static constexpr bool interactive = (Protectors::interactive || ...);
  /// How many keys `recover` may show to its check at most.
  static constexpr std::size_t candidates =
      detail::combinations<count>(Needed, {detail::candidates<Protectors>...});
  static_assert(
      candidates <= detail::max_candidates,
      "threshold would have to try more than 256 combinations: take fewer alternatives inside it");
  static constexpr requirements offers =
      detail::combined<Needed>(std::array<requirements, count>{Protectors::offers...}, interactive);
  static constexpr bool opens_without(factors lost) noexcept {
    return (std::size_t{0} + ... + (Protectors::opens_without(lost) ? 1U : 0U)) >= Needed;
  }

  threshold() requires(std::default_initializable<Protectors>&&...) = default;
  explicit threshold(Protectors... each) : each_(std::move(each)...) {}

  [[nodiscard]] result<stored_json> hide(const secret_key& key, const slot_context& context) const {
    auto shared = random_key(detail::hidden_size);
    if (!shared) return shared.error();
    system_random random;
    auto shares = crypto::split(*shared, Needed, count, random);
    if (!shares) return shares.error();
    auto legs =
        detail::hide_shares(each_, *shares, context, std::index_sequence_for<Protectors...>{});
    if (!legs) return legs.error();
    return detail::hide_under(key, *shared, context.encode(scheme()),
                              {{"scheme", scheme()}, {"legs", std::move(legs->value)}});
  }

  /// Legs that cannot be tried are left out; errors only when fewer than `Needed` can.
  [[nodiscard]] result<bool> recover(const nlohmann::json& data, const slot_context& context,
                                     const candidate_check& check) const {
    keywarden::detail::json_reader read(data, "slot data");
    detail::expect_scheme(read, scheme());
    const auto hidden = detail::hidden_key::read(read);
    auto legs = detail::read_legs(read, count);
    if (!legs) return legs.error();
    const auto found =
        detail::candidates_of_all(each_, *legs, context, std::index_sequence_for<Protectors...>{});
    std::size_t usable = 0;
    error why(errc::no_slot_opened);
    for (const auto& each : found) {
      if (each)
        ++usable;
      else
        why = std::move(why).because(each.error());
    }
    if (usable < Needed) return why;
    std::vector<crypto::indexed_share> chosen;
    return choose(found, 0, chosen, hidden, context, check);
  }

 private:
  template <class Found>
  [[nodiscard]] result<bool> choose(const Found& found, std::size_t from,
                                    std::vector<crypto::indexed_share>& chosen,
                                    const detail::hidden_key& hidden, const slot_context& context,
                                    const candidate_check& check) const {
    if (chosen.size() == Needed) {
      auto shared = crypto::combine(chosen);
      if (!shared) return shared.error();
      auto candidate = hidden.candidate(*shared, context.encode(scheme()));
      if (!candidate) return candidate.error();
      return check(*candidate);
    }
    for (std::size_t leg = from; leg < count; ++leg) {
      if (!found[leg]) continue;
      for (const auto& share : *found[leg]) {
        chosen.push_back({static_cast<std::uint8_t>(leg + 1), share.duplicate()});
        auto right = choose(found, leg + 1, chosen, hidden, context, check);
        chosen.pop_back();
        if (!right || *right) return right;
      }
    }
    return false;
  }

  std::tuple<Protectors...> each_;
};

/// `any_of` whose broken alternatives are re-made from a working one at every open.
///
/// An alternative is re-made only if its secret was read whole and did not fit; one whose secret
/// cannot be read (no permission, not mounted, damaged) is reported and left as it is.
template <class AnyOf>
class self_healing {
  static_assert(sizeof(AnyOf) == 0,
                "self_healing takes an any_of<...>: other combinations cannot be re-made");
};

/// The alternatives of an `any_of`, each re-made from one that works: see `self_healing`.
template <key_protector... Protectors>
class self_healing<any_of<Protectors...>> : public any_of<Protectors...> {
  static_assert(sizeof...(Protectors) >= 2,
                "self_healing needs at least two alternatives: one cannot be re-made from itself");
  static_assert((!Protectors::interactive && ...),
                "self_healing works unattended: none of its alternatives may need a person");

 public:
  /// Tells vaults that the alternatives are re-made.
  static constexpr bool heals = true;
  using any_of<Protectors...>::any_of;
};

}  // namespace keywarden::protect
