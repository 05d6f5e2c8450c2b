/// @file
/// Which rule decides about an address, found without asking one rule after the other.
#pragma once

#include <algorithm>
#include <bit>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <keywarden/admit/network_rules.hpp>
#include <keywarden/core/bytes.hpp>

namespace keywarden::admit {

namespace detail {

/// The address after this one; `::` after the last.
[[nodiscard]] constexpr address after(const address& one) noexcept {
  auto octets = one.bytes();
  for (auto i = octets.size(); i > 0 && ++octets[i - 1] == 0; --i) {
  }
  return address::v6(octets);
}

/// The first two rules that match, by their places in the list.
struct deciding {
  static constexpr std::uint32_t none = 0xFFFF'FFFF;

  std::uint32_t rule = none;  ///< the one that decides
  std::uint32_t next = none;  ///< the one that would, were that not there

  [[nodiscard]] constexpr deciding with(std::uint32_t added) const noexcept {
    return added < rule ? deciding{added, rule} : deciding{rule, std::min(next, added)};
  }
  friend bool operator==(const deciding&, const deciding&) = default;
};

}  // namespace detail

/// A list of rules, compiled: the first rule that matches an address, in one search whatever the
/// number and order of the rules.
///
/// Each family's addresses are cut, in their order, into segments about which the same rules
/// decide: of n rules, 2n + 1 at the most (two networks are apart or one inside the other, so that
/// each begins and ends a segment once). Compiling takes n log n; a look-up reads one block of 16
/// segments' beginnings for each factor of 16 in 2n + 1: 2 for 10 rules, 4 for 10,000 (of IPv6, one
/// beginning for each factor of 2: 5 and 15). Memory: 61 bytes a rule at the most. Usable while
/// compiling. Immutable: any thread.
class network_lookup {
 public:
  /// The same rules decide from `first` to the next segment's. Where `::/0` is cut, the segments
  /// of IPv6 go on through the mapped IPv4 addresses, of which they say nothing.
  struct segment {
    address first;        ///< where it begins
    detail::deciding by;  ///< the rules that decide in it
  };

  constexpr explicit network_lookup(std::span<const network_rule> rules)
      : enclosing_(rules.size(), detail::deciding::none) {
    for (const auto which : {family::ipv4, family::ipv6}) compile(rules, which);
    index();
  }

  /// The place of the first rule that matches, from 0; nothing when none does.
  [[nodiscard]] constexpr std::optional<std::size_t> rule_for(const address& from) const noexcept {
    const auto& by = from.is_v4() ? v4_[find_v4(number_of(from))].by : find_v6(from).by;
    return optional_place(by.rule);
  }

  /// The place of the segment of IPv4 that holds an address, among `segments`.
  [[nodiscard]] constexpr std::size_t v4_segment_of(const address& from) const noexcept {
    return find_v4(number_of(from));
  }

  /// How many blocks of segments' beginnings (of IPv6, how many beginnings) `rule_for` reads: what
  /// it costs.
  [[nodiscard]] constexpr std::size_t steps_for(const address& from) const noexcept {
    if (from.is_v4()) return v4_.size() > 1 ? levels_.size() : 0;
    return static_cast<std::size_t>(std::bit_width(v6_.size() - 1));
  }

  /// All segments of a family, the lowest first. Never empty.
  [[nodiscard]] constexpr std::span<const segment> segments(family which) const noexcept {
    return which == family::ipv4 ? v4_ : v6_;
  }

  /// The first rule before this one that matches whatever this one matches, if one does alone.
  [[nodiscard]] constexpr std::optional<std::size_t> enclosing(std::size_t rule) const noexcept {
    return optional_place(enclosing_[rule]);
  }

 private:
  [[nodiscard]] static constexpr std::optional<std::size_t> optional_place(
      std::uint32_t rule) noexcept {
    if (rule == detail::deciding::none) return std::nullopt;
    return rule;
  }

  static constexpr std::size_t block = 16;

  // In an order that signed comparisons keep, which processors have for several at once.
  [[nodiscard]] static constexpr std::int32_t number_of(const address& from) noexcept {
    const auto number = load_big_endian<std::uint32_t>(bytes_view(from.bytes()).last<4>());
    return static_cast<std::int32_t>(number ^ 0x8000'0000U);
  }

  // Where IPv4 segments begin, and above them the first of every block, up to a level of one block.
  constexpr void index() {
    std::vector<std::int32_t> row;
    row.reserve(v4_.size());
    for (const auto& each : v4_) row.push_back(number_of(each.first));
    for (;;) {
      levels_.push_back({numbers_.size(), row.size()});
      numbers_.insert(numbers_.end(), row.begin(), row.end());
      while (numbers_.size() % block != 0)
        numbers_.push_back(std::numeric_limits<std::int32_t>::max());
      if (row.size() <= block) break;
      std::vector<std::int32_t> above;
      for (std::size_t i = 0; i < row.size(); i += block) above.push_back(row[i]);
      row = std::move(above);
    }
    numbers_.shrink_to_fit();
  }

  // The last segment that begins at the address or before it; the first one begins at 0.0.0.0.
  [[nodiscard]] constexpr std::size_t find_v4(std::int32_t number) const noexcept {
    std::size_t at = 0;
    for (auto row = levels_.rbegin(); row != levels_.rend(); ++row) {
      const auto* const first = numbers_.data() + row->begins + at * block;
      std::int32_t before = 0;
      for (std::size_t i = 0; i < block; ++i) before += first[i] <= number ? 1 : 0;
      // The filling at the end counts for 255.255.255.255.
      at = std::min(at * block + static_cast<std::size_t>(before), row->size) - 1;
    }
    return at;
  }

  [[nodiscard]] constexpr const segment& find_v6(const address& from) const noexcept {
    const auto* at = v6_.data();
    for (auto size = v6_.size(); size > 1;) {
      const auto half = size / 2;
      if (at[half].first <= from) at += half;
      size -= half;
    }
    return *at;
  }

  // Networks in the order of their beginnings, the wider first, open and close like parentheses:
  // those open at an address are those that match it.
  constexpr void compile(std::span<const network_rule> rules, family which) {
    const auto everything = which == family::ipv4 ? network("0.0.0.0/0") : network("::/0");
    auto& made = which == family::ipv4 ? v4_ : v6_;
    std::vector<std::uint32_t> order;
    for (std::uint32_t i = 0; i < rules.size(); ++i)
      if (family_of(rules[i].from.base()) == which) order.push_back(i);
    std::ranges::sort(order, [rules](std::uint32_t left, std::uint32_t right) {
      const auto compared = rules[left].from <=> rules[right].from;
      return std::is_eq(compared) ? left < right : std::is_lt(compared);
    });

    struct open_network {
      address last;
      detail::deciding by;
    };
    std::vector<open_network> open;
    const auto put = [&made](const address& first, const detail::deciding& by) {
      if (!made.empty() && made.back().first == first) made.pop_back();
      if (made.empty() || made.back().by != by) made.push_back({first, by});
    };
    const auto outside = [&open] { return open.empty() ? detail::deciding{} : open.back().by; };
    const auto close = [&] {
      const auto last = open.back().last;
      open.pop_back();
      if (last != everything.last()) put(detail::after(last), outside());
    };

    put(everything.base(), {});
    for (const auto index : order) {
      const auto& network = rules[index].from;
      while (!open.empty() && open.back().last < network.base()) close();
      const auto around = outside();
      if (around.rule < index) enclosing_[index] = around.rule;
      put(network.base(), around.with(index));
      open.push_back({network.last(), around.with(index)});
    }
    while (!open.empty()) close();
    made.shrink_to_fit();
  }

  struct level {
    std::size_t begins;
    std::size_t size;
  };
  std::vector<segment> v4_;
  std::vector<segment> v6_;
  std::vector<std::int32_t> numbers_;
  std::vector<level> levels_;  // the lowest first
  std::vector<std::uint32_t> enclosing_;
};

}  // namespace keywarden::admit
