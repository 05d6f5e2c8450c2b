/// @file
/// Which key agreements a TLS connection may use.
#pragma once

#include <concepts>
#include <string_view>
#include <vector>

#include <botan/tls_algos.h>

namespace keywarden::transport {

/// X25519MLKEM768 and X25519, both key shares sent at once: post-quantum with every peer that can,
/// without another round trip, and older peers still connect. The default.
struct hybrid_or_classical {
  static constexpr std::string_view name = "hybrid or classical";
  /// Whether X25519MLKEM768 is among them.
  static constexpr bool hybrid = true;
  /// What is accepted, best first.
  [[nodiscard]] static std::vector<Botan::TLS::Group_Params> accepted() {
    using code = Botan::TLS::Group_Params_Code;
    return {code::HYBRID_X25519_ML_KEM_768, code::X25519, code::SECP256R1, code::SECP384R1};
  }
  /// For what key shares are sent at once.
  [[nodiscard]] static std::vector<Botan::TLS::Group_Params> offered() {
    using code = Botan::TLS::Group_Params_Code;
    return {code::HYBRID_X25519_ML_KEM_768, code::X25519};
  }
};

/// X25519MLKEM768 (draft-ietf-tls-ecdhe-mlkem) and nothing else: peers without it are refused.
struct hybrid_only {
  static constexpr std::string_view name = "hybrid only";
  /// Whether X25519MLKEM768 is among them.
  static constexpr bool hybrid = true;
  /// What is accepted.
  [[nodiscard]] static std::vector<Botan::TLS::Group_Params> accepted() {
    return {Botan::TLS::Group_Params_Code::HYBRID_X25519_ML_KEM_768};
  }
  /// For what key shares are sent at once.
  [[nodiscard]] static std::vector<Botan::TLS::Group_Params> offered() { return accepted(); }
};

/// X25519, P-256 and P-384. What is recorded today can be read by a quantum computer later: a
/// weakening, for peers or middleboxes that cannot take the larger first message.
struct classical_only {
  static constexpr std::string_view name = "classical only";
  /// Whether X25519MLKEM768 is among them.
  static constexpr bool hybrid = false;
  /// What is accepted, best first.
  [[nodiscard]] static std::vector<Botan::TLS::Group_Params> accepted() {
    using code = Botan::TLS::Group_Params_Code;
    return {code::X25519, code::SECP256R1, code::SECP384R1};
  }
  /// For what key shares are sent at once.
  [[nodiscard]] static std::vector<Botan::TLS::Group_Params> offered() {
    return {Botan::TLS::Group_Params_Code::X25519};
  }
};

/// A concept matching choices of key agreement. Satisfied by `hybrid_or_classical`, `hybrid_only`
/// and `classical_only`. The first of `offered()` is the one that is preferred; `hybrid` says
/// whether X25519MLKEM768 is among those that are accepted.
template <class T>
concept group_choice = requires {
  { T::name } -> std::convertible_to<std::string_view>;
  { T::hybrid } -> std::convertible_to<bool>;
  { T::accepted() } -> std::same_as<std::vector<Botan::TLS::Group_Params>>;
  { T::offered() } -> std::same_as<std::vector<Botan::TLS::Group_Params>>;
};

}  // namespace keywarden::transport
