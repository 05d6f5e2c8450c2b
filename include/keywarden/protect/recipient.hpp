/// @file
/// Opening a key with a private key: for somebody who is not here.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include <keywarden/crypto/kem.hpp>
#include <keywarden/crypto/x_wing.hpp>
#include <keywarden/protect/concepts.hpp>
#include <keywarden/protect/pad.hpp>

namespace keywarden::protect {

namespace detail {

/// Hides a key for a public key: adds `public_key`, `ciphertext`, `salt` and `hidden` to `data`.
template <crypto::kem Kem>
[[nodiscard]] result<stored_json> hide_for(const secret_key& key,
                                           const typename Kem::public_key& theirs,
                                           bytes_view context, nlohmann::json data) {
  system_random random;
  auto made = Kem::encapsulate(theirs, random);
  if (!made) return made.error();
  data["public_key"] = to_base64(theirs.encode());
  data["ciphertext"] = to_base64(made->ciphertext);
  return hide_under(key, made->shared, context, std::move(data));
}

/// A key hidden for a public key, as it was stored.
template <crypto::kem Kem>
struct hidden_for {
  bytes public_key;
  bytes ciphertext;
  hidden_key hidden;

  [[nodiscard]] static hidden_for read(keywarden::detail::json_reader& from) {
    return {from.base64("public_key", Kem::max_public_key_size),
            from.base64("ciphertext", Kem::max_ciphertext_size), hidden_key::read(from)};
  }
  [[nodiscard]] result<secret_key> candidate(const typename Kem::private_key& ours,
                                             bytes_view context) const {
    auto shared = Kem::decapsulate(ours, ciphertext);
    if (!shared) return shared.error();
    return hidden.candidate(*shared, context);
  }
};

}  // namespace detail

/// Opens with the private key of `Kem`; hiding needs only the public key.
///
/// The default is hybrid: X-Wing (ML-KEM-768 with X25519) holds as long as either part does. The
/// slot keeps the public key, so that it can be re-made for a new record key without anybody's
/// secret. Errors: `secret_required` without the key that is needed, `unknown_key` when the slot is
/// somebody else's, `malformed`, those of the KEM. Immutable; any thread.
template <crypto::kem Kem = crypto::x_wing>
class recipient {
 public:
  /// The mechanism.
  using kem = Kem;

  static std::string scheme() { return "recipient/" + std::string(Kem::name); }
  static constexpr requirements offers{
      Kem::strength, requirements::unguessable, Kem::quantum_safe, {}};
  static constexpr bool interactive = false;
  static constexpr bool opens_without(factors lost) noexcept {
    return !lost.contains(factor::recipient);
  }

  recipient() = default;

  /// Can hide, cannot open.
  explicit recipient(typename Kem::public_key theirs)
      : public_(std::make_shared<const typename Kem::public_key>(std::move(theirs))) {}

  /// Can hide and open.
  explicit recipient(typename Kem::private_key ours)
      : public_(std::make_shared<const typename Kem::public_key>(ours.public_part())),
        private_(std::make_shared<const typename Kem::private_key>(std::move(ours))) {}

  [[nodiscard]] result<stored_json> hide(const secret_key& key, const slot_context& context) const {
    if (public_ == nullptr) return missing("the recipient's public key");
    return detail::hide_for<Kem>(key, *public_, context.encode(scheme()), {{"scheme", scheme()}});
  }

  [[nodiscard]] result<bool> recover(const nlohmann::json& data, const slot_context& context,
                                     const candidate_check& check) const {
    keywarden::detail::json_reader read(data, "slot data");
    detail::expect_scheme(read, scheme());
    const auto stored = detail::hidden_for<Kem>::read(read);
    if (auto ok = read.finish(); !ok) return ok.error();
    if (private_ == nullptr) return missing("the recipient's private key");
    if (stored.public_key != public_->encode())
      return error(errc::unknown_key)
          .with(fact::scheme, scheme())
          .with(fact::reason, "hidden for another recipient");
    auto candidate = stored.candidate(*private_, context.encode(scheme()));
    if (!candidate) return candidate.error();
    return check(*candidate);
  }

 private:
  [[nodiscard]] static error missing(std::string_view what) {
    return error(errc::secret_required).with(fact::scheme, scheme()).with(fact::reason, what);
  }

  std::shared_ptr<const typename Kem::public_key> public_;
  std::shared_ptr<const typename Kem::private_key> private_;
};

static_assert(key_protector<recipient<>>);

}  // namespace keywarden::protect
