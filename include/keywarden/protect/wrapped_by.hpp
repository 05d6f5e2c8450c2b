/// @file
/// Opening a key with the key above it in the hierarchy.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include <keywarden/key/role.hpp>
#include <keywarden/protect/keyed.hpp>

namespace keywarden::protect {

/// A symmetric key above in the hierarchy, opened: its record's id, its version and its secret.
struct parent_key {
  /// The parent's record, so that the right one is looked for.
  record_id record;
  key_id version;
  /// The secret of one of the parent's versions.
  secret_key secret;
};

/// Opens with the parent key of role `Role`: strong, unattended, and lost with the parent.
///
/// A slot names the parent's record and version, so that a wrong parent is told (`unknown_key`)
/// from damage. Errors: `secret_required` without an opened parent, `unknown_key`, `malformed`.
/// Immutable; any thread.
template <class Role>
class wrapped_by : public detail::keyed_protector<wrapped_by<Role>> {
 public:
  using role = Role;

  static std::string scheme() { return "key/" + std::string(Role::name); }
  static constexpr requirements offers{256, requirements::unguessable, true, {}};
  static constexpr bool interactive = false;
  static constexpr bool opens_without(factors lost) noexcept {
    return !lost.contains(factor::parent_key);
  }

  /// Without a parent: its slots are reported as needing it.
  wrapped_by() = default;

  /// With the opened parent.
  explicit wrapped_by(parent_key parent)
      : parent_(std::make_shared<const parent_key>(std::move(parent))) {}

  /// Whether there is a parent.
  [[nodiscard]] explicit operator bool() const noexcept { return parent_ != nullptr; }

 private:
  friend class detail::keyed_protector<wrapped_by>;

  [[nodiscard]] nlohmann::json describe_slot() const {
    return {{"scheme", scheme()},
            {"parent", to_hex(parent_->record.view())},
            {"parent_version", parent_->version.value()}};
  }
  [[nodiscard]] result<void> check_slot(keywarden::detail::json_reader& read) const {
    const auto record = read.template hex<record_id>("parent");
    const auto version = read.number("parent_version", 0xffffffffU);
    if (parent_ == nullptr) return missing();
    if (record != parent_->record || version != parent_->version.value())
      return error(errc::unknown_key)
          .with(fact::kind, Role::name)
          .with(fact::key, to_hex(record.view()))
          .with(fact::reason, "wrapped by another key of this kind");
    return done();
  }
  [[nodiscard]] result<secret_key> secret() const {
    if (parent_ == nullptr) return missing();
    return parent_->secret.duplicate();
  }
  [[nodiscard]] result<bytes> binding() const {
    if (parent_ == nullptr) return missing();
    bytes out;
    append(out, parent_->record.view());
    append_big_endian(out, parent_->version.value());
    return out;
  }
  [[nodiscard]] static error missing() {
    return error(errc::secret_required)
        .with(fact::scheme, scheme())
        .with(fact::next_step, "open the parent key first");
  }

  std::shared_ptr<const parent_key> parent_;
};

/// Opens with the service master key.
using service_master_key = wrapped_by<keywarden::role::service_master_key>;
/// Opens with the database master key.
using database_master_key = wrapped_by<keywarden::role::database_master_key>;
/// Opens with a symmetric key.
using symmetric_key = wrapped_by<keywarden::role::symmetric_key>;

static_assert(key_protector<service_master_key>);

}  // namespace keywarden::protect
