/// @file
/// Capabilities to seal and to open (pki/credential_sealing.hpp) as this service's parts take them.
#pragma once

#include <string_view>
#include <utility>

#include <keywarden/core/clock.hpp>
#include <keywarden/key/purpose.hpp>

#include "credential.hpp"

namespace split_merge {

/// For whoever takes requests: a `pki::encrypt_only` is enough.
template <class Sealer, keywarden::clock_source Clock = keywarden::system_clock>
[[nodiscard]] sealer sealing_with(Sealer with, Clock clock = {}) {
  return [with = std::move(with), clock = std::move(clock)](
             const keywarden::plaintext& credential,
             std::string_view owner) -> keywarden::result<keywarden::bytes> {
    auto made = with.seal(credential, owner, clock.now());
    if (!made) return made.error();
    return std::move(*made).to_bytes();
  };
}

/// For the worker: a `pki::decrypt_only`.
template <class Opener>
[[nodiscard]] opener opening_with(Opener with) {
  return [with = std::move(with)](keywarden::bytes_view sealed, std::string_view owner) {
    using stored = keywarden::sealed<typename Opener::purpose_type>;
    return with.open(stored(keywarden::to_bytes(sealed)), owner);
  };
}

/// For a rotation: what opens with the old certificate (and the new one), and seals for the new
/// one. What is sealed for exactly the new one stays as it is.
template <class Opener, class Sealer, keywarden::clock_source Clock = keywarden::system_clock>
[[nodiscard]] rewrapper rewrapping_with(Opener from, Sealer to, Clock clock = {}) {
  return [from = std::move(from), to = std::move(to), clock = std::move(clock)](
             keywarden::bytes_view old,
             std::string_view owner) -> keywarden::result<keywarden::bytes> {
    const keywarden::sealed<typename Opener::purpose_type> kept(keywarden::to_bytes(old));
    const auto current = to.is_up_to_date(kept);
    if (!current) return current.error();
    if (*current) return kept.to_bytes();
    const auto opened = from.open(kept, owner);
    if (!opened) return opened.error();
    auto made = to.seal(*opened, owner, clock.now());
    if (!made) return made.error();
    return std::move(*made).to_bytes();
  };
}

}  // namespace split_merge
