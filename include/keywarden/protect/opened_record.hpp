/// @file
/// A key record in the hands of somebody who may open it.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <keywarden/core/name.hpp>
#include <keywarden/protect/slots.hpp>

namespace keywarden {

namespace detail {
struct opened_record_access;
}

/// A key record that is open: its header authenticated, its material readable, its slots
/// changeable.
///
/// Holds secrets: move-only. Nothing is stored before `encode` and a store's commit. One thread at
/// a time.
class opened_record {
 public:
  /// A new record, without slots yet. Errors: those of randomness.
  [[nodiscard]] static result<opened_record> create(std::string_view kind, const record_name& name,
                                                    const requirements& floor, plaintext material) {
    opened_record made;
    auto id = random_public<record_id>();
    if (!id) return id.error();
    auto key = random_key();
    if (!key) return key.error();
    made.header_.kind = kind;
    made.header_.name = name.text();
    made.header_.id = *id;
    made.header_.floor = floor;
    made.record_key_ = std::move(*key);
    made.material_ = std::move(material);
    return made;
  }

  /// Opens a stored record of this kind and name. `Protector`'s facts are held against the record's
  /// floor. Errors: as `key_record::parse`, `unlock`, `check_floor`; `authentication_failed` when
  /// the record is of another kind or name (it was moved here).
  template <protect::key_protector Protector, class Accepts = protect::accepts_from<>>
  [[nodiscard]] static result<opened_record> open(const key_record& record, std::string_view kind,
                                                  std::string_view name, const Protector& protector,
                                                  const protect::unlock_options& options = {}) {
    auto made = open_through(record, kind, name, protector, options);
    if (!made) return made;
    if (auto ok = protect::check_floor<Protector, Accepts>(record.header()); !ok) return ok.error();
    return made;
  }

  /// The same through one alternative of a larger composition, whose facts the caller holds against
  /// the floor.
  template <protect::key_protector Protector>
  [[nodiscard]] static result<opened_record> open_through(
      const key_record& record, std::string_view kind, std::string_view name,
      const Protector& protector, const protect::unlock_options& options = {}) {
    if (auto ok = is_of(record, kind, name); !ok) return ok.error();
    auto unlocked = protect::unlock(record, protector, options);
    if (!unlocked) return unlocked.error();
    auto made = open_with(record, std::move(unlocked->record_key));
    if (made) made->reports_ = std::move(unlocked->slots);
    return made;
  }

  /// What the record says of itself.
  [[nodiscard]] const record_header& header() const noexcept { return header_; }
  /// The same, to be changed; what is changed is stored with the next `encode`.
  [[nodiscard]] record_header& header() noexcept { return header_; }
  /// What the record protects.
  [[nodiscard]] const plaintext& material() const noexcept { return material_; }

  /// How each slot fared when the record was opened.
  [[nodiscard]] const std::vector<protect::slot_report>& reports() const noexcept {
    return reports_;
  }

  /// Replaces the material; sealed at the next `encode`.
  void set_material(plaintext material) noexcept { material_ = std::move(material); }

  /// Adds a slot; costs the protector's own work and O(header). Returns its id.
  /// Errors: `weaker_than_required` when the protector would undercut the record's floor; as
  /// `make_slot`.
  template <protect::key_protector Protector>
  [[nodiscard]] result<std::string> add_slot(const Protector& protector, std::string_view label) {
    if (!satisfies(requirements_of<Protector>, header_.floor))
      return error(errc::weaker_than_required)
          .with(fact::scheme, Protector::scheme())
          .with(fact::reason, shortfall(requirements_of<Protector>, header_.floor));
    if (header_.slots.size() >= record_limits::slots)
      return error(errc::limit_exceeded)
          .with(fact::reason, "slots")
          .with(fact::limit, record_limits::slots);
    auto made = protect::make_slot(protector, record_key_, header_, label);
    if (!made) return made.error();
    header_.slots.push_back(std::move(*made));
    return header_.slots.back().id;
  }

  /// Adds a slot for each alternative of a composition, labelled with its scheme. Errors: as
  /// `add_slot`; then some may have been added.
  template <protect::key_protector Protector>
  [[nodiscard]] result<void> add_slots_of(const Protector& protector) {
    result<void> all = done();
    protect::detail::for_each_alternative(protector, [&](const auto& each) {
      if (!all) return;
      const auto scheme = each.scheme();
      const auto label = std::string_view(scheme).substr(0, record_limits::label);
      if (auto added = add_slot(each, label); !added) all = added.error();
    });
    return all;
  }

  /// Whether `protector` opens the slot of this id. Errors: as `unlock`, when it could not be
  /// tried.
  template <protect::key_protector Protector>
  [[nodiscard]] result<bool> fits(const Protector& protector, const slot& tried) const {
    const auto committed = key_record::commitment_of(record_key_);
    if (!committed) return committed.error();
    protect::kdf_budget budget;
    auto context = protect::detail::context_of(header_);
    context.budget = &budget;
    return protect::detail::recover_record_key(
        protector, tried.data, context,
        [&](const secret_key& candidate) -> result<bool> { return candidate == record_key_; });
  }

  /// Makes one slot anew, in place. Errors: as `make_slot`, `not_found`.
  template <protect::key_protector Protector>
  [[nodiscard]] result<void> replace_slot(std::string_view id, const Protector& protector) {
    const auto at = std::ranges::find(header_.slots, id, &slot::id);
    if (at == header_.slots.end()) return error(errc::not_found).with(fact::slot, id);
    auto made = protect::make_slot(protector, record_key_, header_, at->label);
    if (!made) return made.error();
    at->data = std::move(made->data);
    return done();
  }

  /// Drops a slot without replacing the record key: only right before `rekey`. Errors: `not_found`,
  /// `last_protector`.
  [[nodiscard]] result<void> drop_slot(std::string_view id) {
    const auto at = std::ranges::find(header_.slots, id, &slot::id);
    if (at == header_.slots.end()) return error(errc::not_found).with(fact::slot, id);
    if (header_.slots.size() == 1) return error(errc::last_protector).with(fact::slot, id);
    header_.slots.erase(at);
    return done();
  }

  /// Replaces the record key, and makes every slot anew for it with `remake(slot, record_key,
  /// header)`. Copies made earlier stay openable with the earlier secrets. Errors: those of
  /// `remake`; then nothing has changed.
  template <class Remake>
    requires std::same_as<
        std::invoke_result_t<Remake&, const slot&, const secret_key&, const record_header&>,
        result<slot>>
  [[nodiscard]] result<void> rekey_with(Remake&& remake) {
    auto fresh = random_key();
    if (!fresh) return fresh.error();
    std::vector<slot> made;
    for (const auto& old : header_.slots) {
      auto again = remake(old, *fresh, header_);
      if (!again) return again.error();
      again->id = old.id;
      again->label = old.label;
      made.push_back(std::move(*again));
    }
    header_.slots = std::move(made);
    record_key_ = std::move(*fresh);
    return done();
  }

  /// The same through `protector` where it opens the slot now and needs no person, through the
  /// slot's own public key otherwise. Errors: `secret_required` when a slot cannot be made anew,
  /// such as another machine's; then nothing has changed.
  template <protect::key_protector Protector>
  [[nodiscard]] result<void> rekey(const Protector& protector) {
    return rekey_with([&](const slot& old, const secret_key& fresh,
                          const record_header& header) -> result<slot> {
      std::optional<result<slot>> made;
      protect::detail::for_each_alternative(
          protector, [&]<class Alternative>(const Alternative& each) {
            if constexpr (!Alternative::interactive) {
              if (made || old.data.contains("public_key") || Alternative::scheme() != old.scheme())
                return;
              const auto own = fits(each, old);
              if (own && *own) made = protect::make_slot(each, fresh, header, old.label);
            }
          });
      return made ? std::move(*made) : protect::remake_slot(old, fresh, header);
    });
  }

  /// The record as bytes for a store, one generation later. Errors: as `key_record::write`;
  /// `last_protector` without any slot.
  [[nodiscard]] result<bytes> encode() {
    if (header_.slots.empty()) return error(errc::last_protector).with(fact::name, header_.name);
    ++header_.generation;
    auto written = key_record::write(header_, record_key_, material_.view());
    if (!written) --header_.generation;
    return written;
  }

 private:
  friend struct detail::opened_record_access;
  opened_record() = default;

  [[nodiscard]] static result<void> is_of(const key_record& record, std::string_view kind,
                                          std::string_view name) {
    if (record.header().kind == kind && record.header().name == name) return done();
    return error(errc::authentication_failed)
        .with(fact::name, name)
        .with(fact::kind, kind)
        .with(fact::reason, "this is the record of another key");
  }
  [[nodiscard]] static result<opened_record> open_with(const key_record& record,
                                                       secret_key record_key) {
    auto material = record.open_material(record_key);
    if (!material) return material.error();
    opened_record made;
    made.header_ = record.header();
    made.record_key_ = std::move(record_key);
    made.material_ = std::move(*material);
    return made;
  }

  record_header header_;
  secret_key record_key_;
  plaintext material_;
  std::vector<protect::slot_report> reports_;
};

namespace detail {

/// For sessions, which keep a record key while a person's key is open.
struct opened_record_access {
  [[nodiscard]] static secret_key record_key(const opened_record& record) {
    return record.record_key_.duplicate();
  }
  /// Errors: `authentication_failed` when it is not the record's key (any more).
  [[nodiscard]] static result<opened_record> open(const key_record& record, std::string_view kind,
                                                  std::string_view name,
                                                  const secret_key& record_key) {
    if (auto ok = opened_record::is_of(record, kind, name); !ok) return ok.error();
    if (auto genuine = record.authenticate(record_key); !genuine) return genuine.error();
    return opened_record::open_with(record, record_key.duplicate());
  }
};

}  // namespace detail
}  // namespace keywarden
