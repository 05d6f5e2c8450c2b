/// @file
/// The shared body of protectors whose secret is a full-strength key at hand.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include <keywarden/protect/concepts.hpp>
#include <keywarden/protect/pad.hpp>

namespace keywarden::protect::detail {

/// A protector whose secret is a key: `Derived` gives `secret()` and `binding()`, the extra bytes
/// (a user id, a machine id, a parent's id) that the secret is bound to.
template <class Derived>
class keyed_protector {
 public:
  /// Errors: those of the secret; those of randomness.
  [[nodiscard]] result<stored_json> hide(const secret_key& key, const slot_context& context) const {
    auto secret = whole_secret();
    if (!secret) return secret.error();
    auto bound = bind(context);
    if (!bound) return bound.error();
    return hide_under(key, *secret, *bound, self().describe_slot());
  }

  /// Errors: those of the secret; `malformed`.
  [[nodiscard]] result<bool> recover(const nlohmann::json& data, const slot_context& context,
                                     const candidate_check& check) const {
    keywarden::detail::json_reader read(data, "slot data");
    expect_scheme(read, Derived::scheme());
    const auto own = self().check_slot(read);
    const auto hidden = hidden_key::read(read);
    if (auto ok = read.finish(); !ok) return ok.error();
    if (!own) return own.error();
    auto secret = whole_secret();
    if (!secret) return secret.error();
    auto bound = bind(context);
    if (!bound) return bound.error();
    auto candidate = hidden.candidate(*secret, *bound);
    if (!candidate) return candidate.error();
    return check(*candidate);
  }

  /// The same protector with optional entropy, as CryptProtectData knows it: further secret bytes
  /// that have to be given again to open, and are stored nowhere. Keeps programs of one account or
  /// machine apart.
  [[nodiscard]] Derived with_entropy(secret_key entropy) const {
    auto made = self();
    static_cast<keyed_protector&>(made).entropy_ =
        std::make_shared<const secret_key>(std::move(entropy));
    return made;
  }

 protected:
  /// What is stored besides the hidden key.
  [[nodiscard]] nlohmann::json describe_slot() const { return {{"scheme", Derived::scheme()}}; }
  /// Reads what `describe_slot` wrote besides the scheme, and refuses a slot of somebody else.
  [[nodiscard]] result<void> check_slot(keywarden::detail::json_reader& /*read*/) const {
    return done();
  }

 private:
  [[nodiscard]] const Derived& self() const noexcept { return static_cast<const Derived&>(*this); }
  [[nodiscard]] result<secret_key> whole_secret() const {
    auto secret = self().secret();
    if (!secret || entropy_ == nullptr) return secret;
    return crypto::hkdf_sha256(*secret, keywarden::detail::view_of(*entropy_),
                               as_bytes("keywarden/1/entropy"));
  }
  [[nodiscard]] result<bytes> bind(const slot_context& context) const {
    auto extra = self().binding();
    if (!extra) return extra.error();
    auto out = context.encode(Derived::scheme());
    append_length_prefixed(out, *extra);
    return out;
  }

  std::shared_ptr<const secret_key> entropy_;
};

}  // namespace keywarden::protect::detail
