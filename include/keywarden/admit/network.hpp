/// @file
/// Ranges of internet addresses, as CIDR writes them.
#pragma once

#include <algorithm>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <keywarden/admit/address.hpp>
#include <keywarden/core/result.hpp>

namespace keywarden::admit {

namespace detail {

/// The address with all but its first `bits` bits (of 128) cleared.
[[nodiscard]] constexpr address masked(const address& from, unsigned bits) noexcept {
  auto octets = from.bytes();
  for (std::size_t i = 0; i < octets.size(); ++i) {
    const auto kept = std::clamp(static_cast<int>(bits) - static_cast<int>(8 * i), 0, 8);
    octets[i] = static_cast<std::uint8_t>(octets[i] & (0xFF00U >> static_cast<unsigned>(kept)));
  }
  return address::v6(octets);
}

/// The address with all but its first `bits` bits (of 128) set.
[[nodiscard]] constexpr address filled(const address& from, unsigned bits) noexcept {
  auto octets = from.bytes();
  for (std::size_t i = 0; i < octets.size(); ++i) {
    const auto kept = std::clamp(static_cast<int>(bits) - static_cast<int>(8 * i), 0, 8);
    octets[i] = static_cast<std::uint8_t>(octets[i] | (0xFFU >> static_cast<unsigned>(kept)));
  }
  return address::v6(octets);
}

}  // namespace detail

/// The two kinds of addresses, which no network mixes.
enum class family : std::uint8_t { ipv4, ipv6 };

/// Of which family an address is; one that is mapped into IPv6 is IPv4.
[[nodiscard]] constexpr family family_of(const address& one) noexcept {
  return one.is_v4() ? family::ipv4 : family::ipv6;
}

/// All addresses that begin with the same bits: `10.0.0.0/8`, `2001:db8::/32`.
///
/// IPv4 and IPv6 are apart: `::/0` holds no IPv4 address and `0.0.0.0/0` no IPv6 address. A prefix
/// of mapped addresses (`0:0:0:0:0:ffff:10.0.0.0/104`) is the IPv4 network. A regular type.
class network {
 public:
  /// A literal is checked while compiling: `network("10.0.0.0/8")`.
  consteval explicit network(const char* literal) {
    const auto made = read(literal);
    if (!made) throw "not a network: write address/bits, with no bit set after the first bits";
    *this = *made;
  }

  /// `bits` counts from the address's own beginning: 0 to 32 for IPv4, 0 to 128 for IPv6.
  /// Nothing when it is more or when a bit after them is set.
  [[nodiscard]] static constexpr std::optional<network> of(const address& base,
                                                           unsigned bits) noexcept {
    const auto made = around(base, bits);
    if (!made || made->base() != base) return std::nullopt;
    return made;
  }

  /// The network of this size that holds `inside`, whatever its last bits are. Nothing when `bits`
  /// is too many.
  [[nodiscard]] static constexpr std::optional<network> around(const address& inside,
                                                               unsigned bits) noexcept {
    if (bits > width(inside)) return std::nullopt;
    const auto all_bits = bits + (inside.is_v4() ? 96U : 0U);
    return network(detail::masked(inside, all_bits), all_bits);
  }

  /// Reads `address/bits`, without spaces or leading zeros; nothing for all else.
  [[nodiscard]] static constexpr std::optional<network> read(std::string_view text) noexcept {
    const auto parts = read_parts(text);
    return parts ? of(parts->base, parts->bits) : std::nullopt;
  }

  /// The same. Errors: `malformed` with `fact::reason` (and `fact::limit`, when the prefix is too
  /// long); `invalid_argument` when the address has a bit set after the first `bits`, since either
  /// of the two may be the slip (the error proposes the wider network).
  [[nodiscard]] static result<network> parse(std::string_view text) {
    const auto parts = read_parts(text);
    if (!parts) return what_is_wrong(text);
    if (const auto made = of(parts->base, parts->bits)) return *made;
    const auto wider = around(parts->base, parts->bits);
    return error(errc::invalid_argument)
        .with(fact::kind, "network")
        .with(fact::reason, "bits after the prefix are set")
        .with(fact::next_step, "write " + wider->text() + ", or a longer prefix");
  }

  /// The same, but bits set after the prefix are cleared instead of refused, as Azure's rules have
  /// it: `175.1.0.1/24` is `175.1.0.0/24`. Errors: `malformed`, like `parse`.
  [[nodiscard]] static result<network> parse_masked(std::string_view text) {
    const auto parts = read_parts(text);
    if (!parts) return what_is_wrong(text);
    return *around(parts->base, parts->bits);
  }

  /// The first address.
  [[nodiscard]] constexpr const address& base() const noexcept { return base_; }

  /// The last address.
  [[nodiscard]] constexpr address last() const noexcept { return detail::filled(base_, bits_); }

  /// How many bits its addresses have in common, as its text says it.
  [[nodiscard]] constexpr unsigned bits() const noexcept {
    return bits_ - (base_.is_v4() ? 96U : 0U);
  }

  /// Whether an address is one of this network; never across the two families.
  [[nodiscard]] constexpr bool contains(const address& one) const noexcept {
    return one.is_v4() == base_.is_v4() && detail::masked(one, bits_) == base_;
  }

  /// Whether every address of `other` is one of this network.
  [[nodiscard]] constexpr bool contains(const network& other) const noexcept {
    return other.bits_ >= bits_ && contains(other.base_);
  }

  [[nodiscard]] std::string text() const { return base_.text() + '/' + std::to_string(bits()); }

  friend constexpr auto operator<=>(const network&, const network&) = default;

 private:
  struct parts {
    address base;
    unsigned bits;
  };

  constexpr network(const address& base, unsigned bits) noexcept : base_(base), bits_(bits) {}

  [[nodiscard]] static constexpr unsigned width(const address& of) noexcept {
    return of.is_v4() ? 32U : 128U;
  }

  [[nodiscard]] static constexpr std::optional<parts> read_parts(std::string_view text) noexcept {
    const auto slash = text.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    const auto base = address::read(text.substr(0, slash));
    auto bits = detail::read_decimal(text.substr(slash + 1));
    if (!base || !bits) return std::nullopt;
    if (base->is_v4() && text.find(':') != std::string_view::npos) {
      // A mapped address counts its bits as IPv6; with fewer than 96 the mapping itself is cut.
      if (*bits < 96) return std::nullopt;
      *bits -= 96;
    }
    if (*bits > width(*base)) return std::nullopt;
    return parts{*base, *bits};
  }

  [[nodiscard]] static error what_is_wrong(std::string_view text) {
    const auto wrong = [](std::string_view reason) {
      return error(errc::malformed)
          .with(fact::kind, "network")
          .with(fact::reason, reason)
          .with(fact::next_step, "write it like 192.0.2.0/24 or 2001:db8::/32");
    };
    if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) return wrong("it is blank");
    const auto slash = text.find('/');
    if (slash == std::string_view::npos) return wrong("it has no prefix length");
    const auto base = address::read(text.substr(0, slash));
    if (!base) return wrong("there is no address before the slash");
    const auto bits = detail::read_decimal(text.substr(slash + 1));
    if (!bits) return wrong("there is no prefix length after the slash");
    const bool mapped = base->is_v4() && text.find(':') != std::string_view::npos;
    if (mapped && *bits < 96) return wrong("the prefix of a mapped address has 96 bits at least");
    return wrong("the prefix is longer than the address")
        .with(fact::limit, mapped ? 128U : width(*base))
        .with(fact::actual, *bits);
  }

  address base_;
  unsigned bits_ = 128;
};

}  // namespace keywarden::admit
