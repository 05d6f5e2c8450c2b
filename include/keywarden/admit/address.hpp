/// @file
/// Internet addresses: IPv4 and IPv6, read strictly.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <keywarden/core/result.hpp>

namespace keywarden::admit {

namespace detail {

/// A decimal number of at most three digits, without leading zeros, in the whole of `text`.
[[nodiscard]] constexpr std::optional<unsigned> read_decimal(std::string_view text) noexcept {
  if (text.empty() || text.size() > 3 || (text.size() > 1 && text.front() == '0'))
    return std::nullopt;
  unsigned value = 0;
  for (const char each : text) {
    if (each < '0' || each > '9') return std::nullopt;
    value = value * 10 + static_cast<unsigned>(each - '0');
  }
  return value;
}

/// One to four hexadecimal digits in the whole of `text`.
[[nodiscard]] constexpr std::optional<unsigned> read_group(std::string_view text) noexcept {
  if (text.empty() || text.size() > 4) return std::nullopt;
  unsigned value = 0;
  for (const char each : text) {
    unsigned digit = 0;
    if (each >= '0' && each <= '9')
      digit = static_cast<unsigned>(each - '0');
    else if (each >= 'a' && each <= 'f')
      digit = static_cast<unsigned>(each - 'a') + 10;
    else if (each >= 'A' && each <= 'F')
      digit = static_cast<unsigned>(each - 'A') + 10;
    else
      return std::nullopt;
    value = value * 16 + digit;
  }
  return value;
}

/// Dotted decimal, exactly four parts.
[[nodiscard]] constexpr std::optional<std::array<std::uint8_t, 4>> read_v4(
    std::string_view text) noexcept {
  std::array<std::uint8_t, 4> made{};
  for (std::size_t i = 0; i < made.size(); ++i) {
    const auto dot = text.find('.');
    if ((dot == std::string_view::npos) != (i + 1 == made.size())) return std::nullopt;
    const auto part = read_decimal(text.substr(0, dot));
    if (!part || *part > 255) return std::nullopt;
    made[i] = static_cast<std::uint8_t>(*part);
    text.remove_prefix(dot == std::string_view::npos ? text.size() : dot + 1);
  }
  return made;
}

/// Colon-separated groups, perhaps none, the last perhaps as dotted decimal (where `last`).
/// Gives the bytes and how many there are.
struct groups {
  std::array<std::uint8_t, 16> bytes{};
  std::size_t size = 0;
};
[[nodiscard]] constexpr std::optional<groups> read_groups(std::string_view text,
                                                          bool last) noexcept {
  groups made;
  for (bool more = !text.empty(); more;) {
    const auto colon = text.find(':');
    more = colon != std::string_view::npos;
    const auto part = text.substr(0, colon);
    if (const auto group = read_group(part)) {
      if (made.size + 2 > made.bytes.size()) return std::nullopt;
      made.bytes[made.size++] = static_cast<std::uint8_t>(*group >> 8U);
      made.bytes[made.size++] = static_cast<std::uint8_t>(*group & 0xFFU);
    } else if (const auto dotted = read_v4(part); dotted && last && !more) {
      if (made.size + 4 > made.bytes.size()) return std::nullopt;
      for (const auto each : *dotted) made.bytes[made.size++] = each;
    } else {
      return std::nullopt;
    }
    if (more) text.remove_prefix(colon + 1);
  }
  return made;
}

/// The text forms of RFC 4291, 2.2, all three.
[[nodiscard]] constexpr std::optional<std::array<std::uint8_t, 16>> read_v6(
    std::string_view text) noexcept {
  const auto gap = text.find("::");
  if (gap == std::string_view::npos) {
    const auto whole = read_groups(text, true);
    if (!whole || whole->size != 16) return std::nullopt;
    return whole->bytes;
  }
  const auto head = read_groups(text.substr(0, gap), false);
  const auto tail = read_groups(text.substr(gap + 2), true);
  // The gap stands for one group of zeros at least.
  if (!head || !tail || head->size + tail->size > 14) return std::nullopt;
  auto made = head->bytes;
  std::copy_n(tail->bytes.begin(), tail->size, made.end() - static_cast<int>(tail->size));
  return made;
}

}  // namespace detail

/// Where a connection comes from: an IPv4 or IPv6 address, without port and zone.
///
/// An IPv4 address mapped into IPv6 (`0:0:0:0:0:ffff:a.b.c.d`, as dual-stack sockets show it) is
/// the IPv4 address: nobody gets around a rule by the other spelling. A regular type of 16 bytes.
/// An address says where packets are sent to, not who sends them: never take it for a proof of
/// identity.
class address {
 public:
  /// The unspecified address, `::`.
  constexpr address() noexcept = default;

  /// A literal is checked while compiling: `address("192.0.2.1")`.
  consteval explicit address(const char* literal) {
    const auto made = read(literal);
    if (!made) throw "not an IPv4 or IPv6 address";
    *this = *made;
  }

  /// The IPv4 address of these octets, the first one first; kept as its mapped IPv6 form.
  [[nodiscard]] static constexpr address v4(const std::array<std::uint8_t, 4>& octets) noexcept {
    address made;
    made.bytes_ = v4_prefix;
    std::ranges::copy(octets, made.bytes_.begin() + 12);
    return made;
  }
  /// The address of these octets, in network byte order; a mapped IPv4 address is the IPv4 one.
  [[nodiscard]] static constexpr address v6(const std::array<std::uint8_t, 16>& octets) noexcept {
    address made;
    made.bytes_ = octets;
    return made;
  }

  /// Dotted decimal without leading zeros, or any form of RFC 4291; nothing for all else (spaces,
  /// zone ids, brackets, ports, octal and hexadecimal IPv4).
  [[nodiscard]] static constexpr std::optional<address> read(std::string_view text) noexcept {
    if (text.find(':') != std::string_view::npos) {
      if (const auto octets = detail::read_v6(text)) return v6(*octets);
    } else if (const auto octets = detail::read_v4(text)) {
      return v4(*octets);
    }
    return std::nullopt;
  }

  /// The same. Errors: `malformed`.
  [[nodiscard]] static result<address> parse(std::string_view text) {
    if (const auto made = read(text)) return *made;
    return error(errc::malformed)
        .with(fact::kind, "address")
        .with(fact::next_step, "write it like 192.0.2.1 or 2001:db8::1");
  }

  /// Whether it is an IPv4 address, however it was spelt.
  [[nodiscard]] constexpr bool is_v4() const noexcept {
    using words = std::array<std::uint64_t, 2>;
    constexpr auto all = std::uint8_t{0xFF};
    constexpr auto prefix = std::bit_cast<words>(v4_prefix);
    constexpr auto compared = std::bit_cast<words>(std::array<std::uint8_t, 16>{
        all, all, all, all, all, all, all, all, all, all, all, all, 0, 0, 0, 0});
    const auto own = std::bit_cast<words>(bytes_);
    return own[0] == prefix[0] && (own[1] & compared[1]) == prefix[1];
  }

  /// In IPv6 form, network byte order; an IPv4 address is mapped.
  [[nodiscard]] constexpr const std::array<std::uint8_t, 16>& bytes() const noexcept {
    return bytes_;
  }

  /// As RFC 5952 writes it.
  [[nodiscard]] std::string text() const { return is_v4() ? text_of_v4() : text_of_v6(); }

  friend constexpr auto operator<=>(const address&, const address&) = default;

 private:
  static constexpr std::array<std::uint8_t, 16> v4_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

  [[nodiscard]] std::string text_of_v4() const {
    std::string made;
    for (std::size_t i = 12; i < 16; ++i) {
      if (i > 12) made += '.';
      made += std::to_string(bytes_[i]);
    }
    return made;
  }

  [[nodiscard]] unsigned group(std::size_t index) const noexcept {
    return unsigned{bytes_[2 * index]} << 8U | bytes_[2 * index + 1];
  }

  [[nodiscard]] std::string text_of_v6() const {
    // The longest run of two zero groups or more, the first of several, becomes "::".
    std::size_t gap = 8;
    std::size_t longest = 1;
    for (std::size_t i = 0; i < 8; ++i) {
      std::size_t run = 0;
      while (i + run < 8 && group(i + run) == 0) ++run;
      if (run > longest) {
        gap = i;
        longest = run;
      }
    }
    constexpr std::string_view digits = "0123456789abcdef";
    std::string made;
    for (std::size_t i = 0; i < 8;) {
      if (i == gap) {
        made += "::";
        i += longest;
        continue;
      }
      if (!made.empty() && made.back() != ':') made += ':';
      bool started = false;
      for (unsigned shift = 16; shift > 0;) {
        shift -= 4;
        const auto digit = group(i) >> shift & 0xFU;
        started = started || digit != 0 || shift == 0;
        if (started) made += digits[digit];
      }
      ++i;
    }
    return made;
  }

  std::array<std::uint8_t, 16> bytes_{};
};

}  // namespace keywarden::admit
