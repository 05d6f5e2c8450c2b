/// @file
/// Carrying everything below a master key over to a new one, all or nothing.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <keywarden/crypto/kdf.hpp>
#include <keywarden/protect/opened_record.hpp>
#include <keywarden/protect/wrapped_by.hpp>
#include <keywarden/store/concepts.hpp>
#include <keywarden/vault/loss_plan.hpp>
#include <keywarden/vault/state.hpp>

namespace keywarden::detail {

/// What carrying over came to: the changes to commit, and what could not be carried.
struct carried_over {
  store::transaction changes;
  std::vector<expected_loss> losses;
  std::size_t count = 0;
};

/// Whether a record has a slot of this protector's scheme.
template <protect::key_protector Protector>
[[nodiscard]] bool has_slot_of(const record_header& header) {
  return std::ranges::count(header.slots, Protector::scheme(), &slot::scheme) != 0;
}

/// A text in a slot that is not authenticated yet: empty when it is missing or no text.
[[nodiscard]] inline std::string slot_text(const slot& from, std::string_view member) {
  const auto at = from.data.find(member);
  return at != from.data.end() && at->is_string() ? at->get<std::string>() : std::string{};
}

/// A digest of the present state of records, to bind a plan to. Errors: those of the store.
template <class State>
[[nodiscard]] result<crypto::digest> state_of(State& state, std::vector<record_name> names) {
  std::ranges::sort(names);
  bytes all;
  for (const auto& name : names) {
    auto found = state.records().get(name);
    if (!found) return found.error();
    append_length_prefixed(all, as_bytes(name.text()));
    append_big_endian(all, *found ? (*found)->revision.value() : std::uint64_t{0});
    append_big_endian(all, static_cast<std::uint8_t>(*found ? 1 : 0));
  }
  return crypto::sha256(all);
}

/// Opens one dependent of a master key: under the new parent when it is there already (a restored
/// key meets its own dependents), under the old one otherwise. Errors: as `unlock`.
template <class Parent>
[[nodiscard]] result<opened_record> open_dependent(const loaded_record& loaded, const Parent& old,
                                                   const Parent& next) {
  const auto& header = loaded.record.header();
  auto already = opened_record::open_through(loaded.record, header.kind, loaded.name.text(), next);
  if (already) return already;
  return opened_record::open_through(loaded.record, header.kind, loaded.name.text(), old);
}

/// Gives a dependent's slot of the old parent to the new one, under a new record key when every
/// other slot can be made anew without its secret, and under the present one otherwise. Errors: as
/// `make_slot`.
template <class Parent>
[[nodiscard]] result<void> reparent(opened_record& record, const Parent& next) {
  auto rekeyed =
      record.rekey_with([&](const slot& old, const secret_key& fresh, const record_header& header) {
        return old.scheme() == Parent::scheme() ? protect::make_slot(next, fresh, header, old.label)
                                                : protect::remake_slot(old, fresh, header);
      });
  if (rekeyed || rekeyed.error().code() != errc::secret_required) return rekeyed;
  for (const auto& each : std::vector<slot>(record.header().slots)) {
    if (each.scheme() != Parent::scheme()) continue;
    if (auto made = record.replace_slot(each.id, next); !made) return made;
  }
  return done();
}

/// Prepares moving every dependent in `names` from `old` to `next`. What cannot be opened or read
/// is a loss and stays untouched. Errors: those of the store.
template <class State, class Parent>
[[nodiscard]] result<carried_over> carry_over(State& state, const std::vector<record_name>& names,
                                              const Parent& old, const Parent& next) {
  carried_over made;
  for (const auto& name : names) {
    auto loaded = state.load(name);
    if (!loaded) {
      if (loaded.error().code() == errc::io_failed || loaded.error().code() == errc::store_busy)
        return loaded.error();
      made.losses.push_back({name.text(), "unreadable", loaded.error()});
      continue;
    }
    const auto& header = loaded->record.header();
    if (header.slots.empty()) {  // damaged: no record is written without a slot
      made.losses.push_back(
          {name.text(), header.kind, error(errc::malformed).with(fact::reason, "no slot")});
      continue;
    }
    if (!has_slot_of<Parent>(header)) continue;
    auto record = open_dependent(*loaded, old, next);
    if (!record) {
      made.losses.push_back({name.text(), header.kind, record.error()});
      continue;
    }
    if (auto moved = reparent(*record, next); !moved) return moved.error();
    auto data = record->encode();
    if (!data) return data.error();
    made.changes.replace(name, loaded->revision, std::move(*data));
    ++made.count;
  }
  return made;
}

/// Whether two lists of losses name the same records. What can be opened depends on more than the
/// store: on secrets that are readable, on keys that are open.
[[nodiscard]] inline bool same_losses(const std::vector<expected_loss>& left,
                                      const std::vector<expected_loss>& right) {
  return std::ranges::equal(left, right, {}, &expected_loss::name, &expected_loss::name);
}

/// The outcome of carrying out a plan that was made just now: when it is stale already, another
/// process came between, and it is time to look again.
template <class T>
[[nodiscard]] result<T> or_again(result<T> outcome) {
  if (outcome || outcome.error().code() != errc::plan_is_stale) return outcome;
  return error(errc::store_conflict).because(outcome.error());
}

/// The refusal of an all-or-nothing operation that would lose something: names the first loss,
/// carries all.
[[nodiscard]] inline error would_lose(const std::vector<expected_loss>& losses,
                                      std::string_view operation) {
  error refusal =
      error(errc::would_lose)
          .with(fact::operation, operation)
          .with(fact::name, losses.front().name)
          .with(fact::actual, losses.size())
          .with(fact::next_step,
                "repair or restore them, or make a plan and execute it to leave them behind");
  for (const auto& loss : losses)
    refusal = std::move(refusal).because(error(loss.why).with(fact::name, loss.name));
  return refusal;
}

}  // namespace keywarden::detail
