/// @file
/// How an instance comes to believe a certificate: pinned, or led to an authority.
#pragma once

#include <algorithm>
#include <concepts>
#include <initializer_list>
#include <set>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <keywarden/core/name.hpp>
#include <keywarden/pki/fingerprint.hpp>
#include <keywarden/pki/revocation.hpp>
#include <keywarden/pki/thumbprint.hpp>
#include <keywarden/pki/trust_anchors.hpp>

/// Trust policies for `auth::certificate`.
namespace keywarden::trust {

/// The peer's certificate is, byte for byte, one that the directory holds. No authority has a say.
struct pinned {
  static constexpr std::string_view name = "pinned";
};

/// Whom of an authority's peers to allow: the certificates with these fingerprints. None: nobody.
class leaf_fingerprints {
 public:
  static constexpr std::string_view name = "leaf_fingerprints";
  leaf_fingerprints() = default;
  explicit leaf_fingerprints(std::set<pki::fingerprint> allowed) noexcept
      : allowed_(std::move(allowed)) {}
  [[nodiscard]] bool allows(const pki::certificate& leaf) const {
    return allowed_.contains(leaf.fingerprint());
  }

 private:
  std::set<pki::fingerprint> allowed_;
};

/// The same by public key, so that a renewal for the same key stays allowed. None: nobody.
class key_fingerprints {
 public:
  static constexpr std::string_view name = "key_fingerprints";
  key_fingerprints() = default;
  explicit key_fingerprints(std::set<pki::key_fingerprint> allowed) noexcept
      : allowed_(std::move(allowed)) {}
  [[nodiscard]] bool allows(const pki::certificate& leaf) const {
    return allowed_.contains(leaf.key_fingerprint());
  }

 private:
  std::set<pki::key_fingerprint> allowed_;
};

/// The same by thumbprint, as administrators copy them out of certificate viewers and service
/// configurations keep them; SHA-1 too, though it is broken: list SHA-256 where both are known. A
/// certificate must lead to the trusted authority all the same, so that a forger needs the
/// authority's help. Whoever is listed and has no certificate in the directory stands for `login`,
/// which needs CONNECT like any other. None: nobody.
class thumbprints {
 public:
  static constexpr std::string_view name = "thumbprints";
  thumbprints(std::vector<pki::thumbprint> allowed, const object_name& stand_for)
      : login(stand_for), allowed_(std::move(allowed)) {}
  [[nodiscard]] bool allows(const pki::certificate& leaf) const {
    return std::ranges::any_of(allowed_, [&](const auto& each) { return each.matches(leaf); });
  }

  object_name login;  ///< whom a peer stands for that the directory does not have

 private:
  std::vector<pki::thumbprint> allowed_;
};

/// Everybody for whom the authority issued a certificate: a named weakening. Whoever has no
/// certificate in the directory stands for `login`, which needs CONNECT like any other.
struct anyone_of_the_authority {
  static constexpr std::string_view name = "anyone_of_the_authority";
  object_name login;  ///< whom a peer stands for that the directory does not have
  [[nodiscard]] static bool allows(const pki::certificate&) noexcept { return true; }
};

/// Remembers up to `Count` paths that were verified (see `auth::verified_chains`): the default,
/// with 256.
template <std::size_t Count = 256>
struct cache {
  static_assert(Count > 0, "a cache of nothing: say trust::no_cache");
  static constexpr std::string_view name = "cache";
  /// How many paths are remembered.
  static constexpr std::size_t cached_paths = Count;
};

/// Every path is verified every time.
struct no_cache {
  static constexpr std::string_view name = "no_cache";
  /// Nothing is remembered.
  static constexpr std::size_t cached_paths = 0;
};

/// A connector demands that the certificate names whom it dialled (RFC 9525: a host name or an IP
/// address among the alternative names). Without it, any peer that is allowed may answer for any
/// other: compare the session's `peer()` with whom you meant.
struct names_the_dialled {
  static constexpr std::string_view name = "names_the_dialled";
  /// What `chain` asks its options for.
  static constexpr bool names_dialled = true;
};

/// A concept matching allow-lists. Satisfied by `leaf_fingerprints`, `key_fingerprints`,
/// `thumbprints`, `anyone_of_the_authority`.
template <class T>
concept allow_list = std::copyable<T> && requires(const T& list, const pki::certificate& leaf) {
  { T::name } -> std::convertible_to<std::string_view>;
  { list.allows(leaf) } -> std::same_as<bool>;
};

namespace detail {

template <class T>
concept cache_choice = requires {
  { T::cached_paths } -> std::convertible_to<std::size_t>;
};
template <class T>
concept name_choice = requires {
  requires T::names_dialled;
};
template <class T>
inline constexpr bool is_option = allow_list<T> || cache_choice<T> || name_choice<T>;

template <class... Options>
consteval void explain_chain() {
  static_assert((is_option<Options> && ...),
                "an option of trust::chain is an allow-list, a cache policy or "
                "trust::names_the_dialled: see keywarden/auth/trust.hpp");
  constexpr auto lists = (0 + ... + (allow_list<Options> ? 1 : 0));
  constexpr bool anyone = (std::same_as<Options, anyone_of_the_authority> || ...);
  static_assert(lists > 0,
                "a trusted authority is not enough: say whom of its peers to allow with "
                "trust::leaf_fingerprints or trust::key_fingerprints, or name the weakening "
                "trust::anyone_of_the_authority");
  static_assert(!anyone || lists == 1,
                "trust::anyone_of_the_authority makes the other allow-lists pointless");
  static_assert((0 + ... + (cache_choice<Options> ? 1 : 0)) <= 1,
                "trust::chain has at most one cache policy");
}

template <class... Options>
consteval std::size_t cached_paths() {
  std::size_t count = cache<>::cached_paths;
  const auto look = [&]<class Option>(std::type_identity<Option>) {
    if constexpr (cache_choice<Option>) count = Option::cached_paths;
  };
  (look(std::type_identity<Options>{}), ...);
  return count;
}

}  // namespace detail

/// The peer's certificate leads to a trust anchor, was not revoked as far as `Revocation` demands,
/// is on an allow-list (where there are several, on any), and belongs to somebody in the directory.
/// All of it must hold. `Options`: at least one `allow_list`; `cache<N>` or `no_cache`;
/// `names_the_dialled`.
template <pki::revocation_check Revocation, class... Options>
struct chain {
  static_assert((detail::explain_chain<Options...>(), true));
  static constexpr std::string_view name = "chain";
  /// How many verified paths are remembered; 0: every path is verified every time.
  static constexpr std::size_t cached_paths = detail::cached_paths<Options...>();
  /// Whether a connector demands that the certificate names whom it dialled.
  static constexpr bool names_dialled = (detail::name_choice<Options> || ...);

  pki::trust_anchors anchors;        ///< the authorities that are believed
  Revocation revocation{};           ///< how revocation is checked, and by what lists
  std::tuple<Options...> options{};  ///< the allow-lists, and the rest

  /// Whether any allow-list allows a peer.
  [[nodiscard]] bool allows(const pki::certificate& leaf) const {
    const auto in = [&](const auto& option) {
      if constexpr (allow_list<std::remove_cvref_t<decltype(option)>>)
        return option.allows(leaf);
      else
        return false;
    };
    return std::apply([&](const auto&... each) { return (in(each) || ...); }, options);
  }
};

static_assert(allow_list<leaf_fingerprints> && allow_list<key_fingerprints> &&
              allow_list<thumbprints> && allow_list<anyone_of_the_authority>);

}  // namespace keywarden::trust
