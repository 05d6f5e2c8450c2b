/// @file
/// Slots: making them, trying them, and making them again for a new record key.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <keywarden/crypto/dhkem.hpp>
#include <keywarden/crypto/rsa_oaep.hpp>
#include <keywarden/crypto/x_wing.hpp>
#include <keywarden/key/key_record.hpp>
#include <keywarden/protect/combine.hpp>
#include <keywarden/protect/concepts.hpp>
#include <keywarden/protect/recipient.hpp>

namespace keywarden::protect {

/// How one slot fared when a record was opened.
struct slot_report {
  /// Opened; its secret was whole and wrong; or its secret could not be had.
  enum class outcome { opened, did_not_fit, not_usable };

  std::string slot;    ///< the slot's id
  std::string scheme;  ///< its scheme
  /// How it fared.
  outcome what = outcome::not_usable;
  std::optional<error> why;  ///< set when `not_usable`
};

namespace detail {

/// The mechanism of the key pair that an interactive slot keeps, so that the record key can be
/// replaced while nobody types.
using slot_kem = crypto::x_wing;

[[nodiscard]] inline slot_context context_of(const record_header& header) {
  return {header.id, header.kind, header.name, {}, nullptr};
}
[[nodiscard]] inline bytes pair_context(const slot_context& context, std::string_view scheme) {
  return context.encode("slot-key-pair/" + std::string(scheme));
}

/// What one slot stores. A protector that needs no person hides the record key itself. An
/// interactive one hides the seed of a key pair, and the record key is hidden for its public key:
/// so it can be hidden anew without the person.
template <key_protector Protector>
[[nodiscard]] result<stored_json> hide_record_key(const Protector& protector,
                                                  const secret_key& record_key,
                                                  const slot_context& context) {
  if constexpr (!Protector::interactive) {
    return protector.hide(record_key, context);
  } else {
    auto seed = random_key(hidden_size);
    if (!seed) return seed.error();
    auto leg = protector.hide(*seed, context);
    if (!leg) return leg.error();
    auto pair = slot_kem::private_key::from_seed(*seed);
    if (!pair) return pair.error();
    return hide_for<slot_kem>(record_key, pair->public_part(),
                              pair_context(context, Protector::scheme()),
                              {{"scheme", Protector::scheme()}, {"leg", std::move(leg->value)}});
  }
}

/// Shows `check` the record keys that a slot may hide. Errors: as `recover`.
template <key_protector Protector>
[[nodiscard]] result<bool> recover_record_key(const Protector& protector,
                                              const nlohmann::json& data,
                                              const slot_context& context,
                                              const candidate_check& check) {
  if constexpr (!Protector::interactive) {
    return protector.recover(data, context, check);
  } else {
    keywarden::detail::json_reader read(data, "slot data");
    expect_scheme(read, Protector::scheme());
    const auto& leg = read.object("leg");
    const auto stored = hidden_for<slot_kem>::read(read);
    if (auto ok = read.finish(); !ok) return ok.error();
    return protector.recover(leg, context, [&](const secret_key& seed) -> result<bool> {
      auto pair = slot_kem::private_key::from_seed(seed);
      if (!pair) return pair.error();
      if (pair->public_part().encode() != stored.public_key) return false;
      auto candidate = stored.candidate(*pair, pair_context(context, Protector::scheme()));
      if (!candidate) return candidate.error();
      return check(*candidate);
    });
  }
}

template <crypto::kem Kem>
[[nodiscard]] result<stored_json> hide_again(const nlohmann::json& old,
                                             const secret_key& record_key, bytes_view context) {
  keywarden::detail::json_reader read(old, "slot data");
  auto theirs = Kem::public_key::decode(read.base64("public_key", Kem::max_public_key_size));
  if (!theirs) return theirs.error();
  auto data = old;
  return hide_for<Kem>(record_key, *theirs, context, std::move(data));
}

/// The alternatives of a composition that get slots of their own, each shown to `visit`.
template <class Protector, class Visit>
void for_each_alternative(const Protector& protector, Visit&& visit) {
  if constexpr (requires { protector.each(); })
    std::apply([&](const auto&... each) { (for_each_alternative(each, visit), ...); },
               protector.each());
  else
    visit(protector);
}

}  // namespace detail

/// Makes a slot through which `protector` opens the record of `header`. Errors: those of the
/// protector; `limit_exceeded` for a label above 64 bytes.
template <key_protector Protector>
[[nodiscard]] result<slot> make_slot(const Protector& protector, const secret_key& record_key,
                                     const record_header& header, std::string_view label) {
  if (label.size() > record_limits::label)
    return error(errc::limit_exceeded)
        .with(fact::name, "label")
        .with(fact::limit, record_limits::label);
  auto data = detail::hide_record_key(protector, record_key, detail::context_of(header));
  if (!data) return data.error();
  slot made;
  do {
    auto id = random_public<strong_bytes<4, struct slot_id_tag>>();
    if (!id) return id.error();
    made.id = to_hex(id->view());
  } while (std::ranges::count(header.slots, made.id, &slot::id) != 0);
  made.label = label;
  made.data = std::move(data->value);
  return made;
}

/// Makes a slot again for a new record key without its secret: possible for every slot that keeps a
/// public key (passwords and all that contain one, recipients). Errors: `secret_required` for the
/// others.
[[nodiscard]] inline result<slot> remake_slot(const slot& old, const secret_key& record_key,
                                              const record_header& header) {
  const auto scheme = old.scheme();
  const auto context = detail::context_of(header);
  const auto again = [&]() -> result<stored_json> {
    if (old.data.contains("leg"))
      return detail::hide_again<detail::slot_kem>(old.data, record_key,
                                                  detail::pair_context(context, scheme));
    const auto bound = context.encode(scheme);
    if (scheme == recipient<crypto::x_wing>::scheme())
      return detail::hide_again<crypto::x_wing>(old.data, record_key, bound);
    if (scheme == recipient<crypto::dhkem_p256>::scheme())
      return detail::hide_again<crypto::dhkem_p256>(old.data, record_key, bound);
    if (scheme == recipient<crypto::dhkem_x25519>::scheme())
      return detail::hide_again<crypto::dhkem_x25519>(old.data, record_key, bound);
    if (scheme == recipient<crypto::rsa_oaep<2048>>::scheme())
      return detail::hide_again<crypto::rsa_oaep<2048>>(old.data, record_key, bound);
    return error(errc::secret_required)
        .with(fact::slot, old.id)
        .with(fact::scheme, scheme)
        .with(fact::next_step, "open this slot's own secret, or drop the slot as well");
  };
  auto data = again();
  if (!data) return data.error();
  return slot{old.id, old.label, std::move(data->value)};
}

/// A record key that was found, and how each slot fared.
struct unlocked {
  /// The key of the record.
  secret_key record_key;
  /// How each slot that was looked at fared.
  std::vector<slot_report> slots;

  /// Whether the slot of this id opened.
  [[nodiscard]] bool opened(std::string_view id) const {
    return std::ranges::any_of(slots, [&](const slot_report& each) {
      return each.slot == id && each.what == slot_report::outcome::opened;
    });
  }
};

/// How `unlock` goes about it.
struct unlock_options {
  bool every_slot = false;  ///< try all slots even when one has opened: for self-repair and reports
  std::uint64_t kdf_work = kdf_budget::default_work;  ///< see `kdf_budget`
};

/// Finds the record key through the slots that `protector` can use: those that need no person
/// first, then the others, under one hashing budget. Authenticates the whole record before it
/// returns.
///
/// Errors: `no_slot_opened` with a cause for each slot that was tried; `authentication_failed` when
/// a slot opened and the record is altered.
template <key_protector Protector>
[[nodiscard]] result<unlocked> unlock(const key_record& record, const Protector& protector,
                                      const unlock_options& options = {}) {
  unlocked made;
  bool found = false;
  kdf_budget budget(options.kdf_work);
  auto context = detail::context_of(record.header());
  context.budget = &budget;
  const candidate_check check = [&](const secret_key& candidate) -> result<bool> {
    if (!record.check_commitment(candidate)) return false;
    if (!found) made.record_key = candidate.duplicate();
    found = true;
    return true;
  };
  for (const bool interactive : {false, true}) {
    detail::for_each_alternative(protector, [&]<class Alternative>(const Alternative& each) {
      if (Alternative::interactive != interactive) return;
      for (const auto& slot : record.header().slots) {
        if (slot.scheme() != Alternative::scheme() || (found && !options.every_slot)) continue;
        slot_report report{slot.id, slot.scheme(), slot_report::outcome::did_not_fit, {}};
        auto opened = detail::recover_record_key(each, slot.data, context, check);
        if (!opened) {
          report.what = slot_report::outcome::not_usable;
          report.why = opened.error();
        } else if (*opened) {
          report.what = slot_report::outcome::opened;
        }
        made.slots.push_back(std::move(report));
      }
    });
  }
  if (!found) {
    error none = error(errc::no_slot_opened).with(fact::name, record.header().name);
    for (const auto& each : made.slots) {
      auto cause =
          each.why
              ? *each.why
              : error(errc::authentication_failed).with(fact::reason, "the secret does not fit");
      none = std::move(none).because(
          std::move(cause).with(fact::slot, each.slot).with(fact::scheme, each.scheme));
    }
    if (made.slots.empty())
      none =
          std::move(none).with(fact::reason, "it has no slot of a kind that this program composes");
    return none;
  }
  if (auto genuine = record.authenticate(made.record_key); !genuine) return genuine.error();
  return made;
}

/// Older compositions whose records a program still reads while it migrates.
template <key_protector... Older>
struct accepts_from {};

namespace detail {

template <key_protector... Older>
[[nodiscard]] constexpr bool accepted(const requirements& floor, accepts_from<Older...>) noexcept {
  return (satisfies(floor, requirements_of<Older>) || ...);
}

}  // namespace detail

/// Holds a record's floor against the composition that reads it, both ways: a composition weaker
/// than the record demands is refused, and so is a record weaker than the composition, unless it is
/// named in `accepts_from`. Errors: `weaker_than_required`, with the respect in which it is.
template <key_protector Protector, class Accepts = accepts_from<>>
[[nodiscard]] result<void> check_floor(const record_header& header) {
  constexpr auto offered = requirements_of<Protector>;
  if (!satisfies(offered, header.floor))
    return error(errc::weaker_than_required)
        .with(fact::name, header.name)
        .with(fact::reason, shortfall(offered, header.floor))
        .with(fact::next_step,
              "this program's composition is weaker than what the record demands: "
              "use the stronger one");
  if (!satisfies(header.floor, offered) && !detail::accepted(header.floor, Accepts{}))
    return error(errc::weaker_than_required)
        .with(fact::name, header.name)
        .with(fact::reason, shortfall(header.floor, offered))
        .with(fact::next_step,
              "the record is weaker than this program's composition: name the older "
              "composition in accepts_from<> and protect it anew");
  return done();
}

}  // namespace keywarden::protect
