/// @file
/// The ENCRYPTION clause of an endpoint: read, written, and as a type.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <keywarden/core/result.hpp>

namespace keywarden::transport {

/// Whether an end encrypts: never, if the other end does too, or always.
enum class presence : std::uint8_t { disabled, supported, required };

/// What an end encrypts with: AES-256-GCM, ChaCha20-Poly1305 (an addition of ours), or RC4, which
/// is understood so that old clauses can be read, and is never used (RFC 7465).
enum class algorithm : std::uint8_t { aes, rc4, chacha20 };

/// The SQL keyword.
[[nodiscard]] constexpr std::string_view name_of(presence value) noexcept {
  constexpr std::array<std::string_view, 3> names{"DISABLED", "SUPPORTED", "REQUIRED"};
  return names[static_cast<std::size_t>(value)];
}
/// The algorithm as an ENCRYPTION clause spells it.
[[nodiscard]] constexpr std::string_view name_of(algorithm value) noexcept {
  constexpr std::array<std::string_view, 3> names{"AES", "RC4", "CHACHA20"};
  return names[static_cast<std::size_t>(value)];
}

/// One end's `ENCRYPTION = …`: a presence and, unless it is DISABLED, one to three different
/// algorithms, the preferred one first. REQUIRED ALGORITHM AES unless said otherwise.
///
/// Always valid; a regular type of a few bytes, usable in constant expressions.
class encryption_clause {
 public:
  /// How many algorithms one clause may list.
  static constexpr std::size_t max_algorithms = 3;

  /// REQUIRED ALGORITHM AES.
  constexpr encryption_clause() noexcept = default;

  /// Nothing when the list is empty, too long or names an algorithm twice, and when DISABLED comes
  /// with a list.
  [[nodiscard]] static constexpr std::optional<encryption_clause> of(
      transport::presence wanted, std::span<const algorithm> listed) noexcept {
    if (listed.size() > max_algorithms) return std::nullopt;
    if (listed.empty() != (wanted == transport::presence::disabled)) return std::nullopt;
    encryption_clause made;
    made.presence_ = wanted;
    made.algorithms_ = {};
    made.count_ = 0;
    for (const auto each : listed) {
      if (made.lists(each)) return std::nullopt;
      made.algorithms_[made.count_++] = each;
    }
    return made;
  }
  /// The same from a list in place: `of(presence::required, {algorithm::aes})`.
  [[nodiscard]] static constexpr std::optional<encryption_clause> of(
      transport::presence wanted, std::initializer_list<algorithm> listed = {}) noexcept {
    return of(wanted, std::span<const algorithm>(listed.begin(), listed.size()));
  }

  /// Whether this end encrypts always, only with a peer that can, or never.
  [[nodiscard]] constexpr transport::presence presence() const noexcept { return presence_; }

  /// In order of preference; empty when DISABLED. Views this clause.
  [[nodiscard]] constexpr std::span<const algorithm> algorithms() const& noexcept {
    return {algorithms_.data(), count_};
  }
  std::span<const algorithm> algorithms() const&& = delete;

  /// Whether an algorithm is one of those that this end may use.
  [[nodiscard]] constexpr bool lists(algorithm wanted) const noexcept {
    return std::ranges::find(algorithms(), wanted) != algorithms().end();
  }

  friend constexpr bool operator==(const encryption_clause&, const encryption_clause&) = default;

 private:
  std::array<algorithm, max_algorithms> algorithms_{algorithm::aes};
  std::uint8_t count_ = 1;
  transport::presence presence_ = transport::presence::required;
};

/// The algorithms of an endpoint as a type: `algorithms<algorithm::aes>::with(presence::required)`.
/// What is broken or makes no sense does not compile.
template <algorithm First, algorithm... More>
struct algorithms {
  static_assert(First != algorithm::rc4 && (... && (More != algorithm::rc4)),
                "RC4 is broken and prohibited (RFC 7465): list AES or CHACHA20");
  static_assert(encryption_clause::of(presence::required, {First, More...}).has_value(),
                "each encryption algorithm is listed once");

  /// The clause; DISABLED has no use for the list and drops it.
  [[nodiscard]] static constexpr encryption_clause with(presence wanted) noexcept {
    if (wanted == presence::disabled) return *encryption_clause::of(wanted);
    return *encryption_clause::of(wanted, {First, More...});
  }
};

/// A text of at most 64 characters that constant expressions can make; becomes a `std::string`.
class clause_text {
 public:
  /// The most bytes it holds.
  static constexpr std::size_t max_size = 64;

  /// Adds what still fits; the rest is left out.
  constexpr clause_text& append(std::string_view more) noexcept {
    for (const char each : more.substr(0, max_size - size_)) data_[size_++] = each;
    return *this;
  }

  [[nodiscard]] constexpr std::string_view view() const& noexcept { return {data_.data(), size_}; }
  std::string_view view() const&& = delete;

  /// A copy that owns its bytes.
  [[nodiscard]] std::string string() const { return std::string(view()); }
  // NOLINTNEXTLINE(google-explicit-constructor): it is a text
  [[nodiscard]] operator std::string() const { return string(); }

  friend constexpr bool operator==(const clause_text& left, std::string_view right) noexcept {
    return left.view() == right;
  }

 private:
  std::array<char, max_size> data_{};
  std::size_t size_ = 0;
};

/// The clause as SQL: "REQUIRED ALGORITHM AES RC4", "DISABLED".
[[nodiscard]] constexpr clause_text text(const encryption_clause& clause) noexcept {
  clause_text made;
  made.append(name_of(clause.presence()));
  std::string_view separator = " ALGORITHM ";
  for (const auto each : clause.algorithms()) {
    made.append(separator).append(name_of(each));
    separator = " ";
  }
  return made;
}

namespace detail {

/// What became of reading a clause: one, or why there is none.
struct read_clause {
  std::optional<encryption_clause> clause;
  errc code = errc::none;
  std::string_view problem;
};

[[nodiscard]] constexpr char lower(char each) noexcept {
  return each >= 'A' && each <= 'Z' ? static_cast<char>(each - 'A' + 'a') : each;
}
[[nodiscard]] constexpr bool same_word(std::string_view left, std::string_view right) noexcept {
  return std::ranges::equal(left, right, {}, lower, lower);
}

/// The value of the enumeration whose name, compared by `same`, is `word`.
template <class Enum>
[[nodiscard]] constexpr std::optional<Enum> value_named(std::string_view word, auto same) noexcept {
  for (std::uint8_t each = 0; each < 3; ++each)
    if (same(word, name_of(static_cast<Enum>(each)))) return static_cast<Enum>(each);
  return std::nullopt;
}

/// Takes the part before the first of `separators`, and what follows it.
[[nodiscard]] constexpr std::string_view take_part(std::string_view& rest,
                                                   std::string_view separators) noexcept {
  const auto end = std::min(rest.find_first_of(separators), rest.size());
  const auto part = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return part;
}

[[nodiscard]] constexpr read_clause read_encryption(std::string_view rest) noexcept {
  constexpr std::string_view blanks = " \t\r\n";
  const auto next_word = [&] {
    rest.remove_prefix(std::min(rest.find_first_not_of(blanks), rest.size()));
    return take_part(rest, blanks);
  };
  const auto wanted = value_named<presence>(next_word(), same_word);
  if (!wanted) return {{}, errc::malformed, "DISABLED, SUPPORTED or REQUIRED must come first"};
  std::array<algorithm, encryption_clause::max_algorithms> listed{algorithm::aes};
  std::size_t count = *wanted == presence::disabled ? 0 : 1;
  if (const auto keyword = next_word(); !keyword.empty()) {
    if (!same_word(keyword, "ALGORITHM")) return {{}, errc::malformed, "only ALGORITHM can follow"};
    count = 0;
    for (auto word = next_word(); !word.empty(); word = next_word()) {
      const auto named = value_named<algorithm>(word, same_word);
      if (!named) return {{}, errc::malformed, "an algorithm is AES, RC4 or CHACHA20"};
      if (std::ranges::find(listed.begin(), listed.begin() + count, *named) !=
          listed.begin() + count)
        return {{}, errc::invalid_argument, "an algorithm is listed twice"};
      listed[count++] = *named;
    }
    if (count == 0) return {{}, errc::malformed, "no algorithm follows ALGORITHM"};
    if (*wanted == presence::disabled)
      return {{}, errc::invalid_argument, "DISABLED takes no algorithm"};
  }
  return {encryption_clause::of(*wanted, std::span(listed).first(count)), errc::none, {}};
}

inline constexpr std::string_view protocol_prefix = "keywarden/1/";

[[nodiscard]] constexpr std::optional<encryption_clause> read_protocol_name(
    std::string_view rest) noexcept {
  const auto same = [](std::string_view word, std::string_view name) {
    return std::ranges::equal(word, name, {}, {}, lower);
  };
  if (rest.size() > clause_text::max_size || !rest.starts_with(protocol_prefix))
    return std::nullopt;
  rest.remove_prefix(protocol_prefix.size());
  const bool with_list = rest.find('/') != std::string_view::npos;
  const auto wanted = value_named<presence>(take_part(rest, "/"), same);
  if (!wanted) return std::nullopt;
  std::array<algorithm, encryption_clause::max_algorithms> listed{};
  std::size_t count = 0;
  for (bool more = with_list; more;) {
    more = rest.find(',') != std::string_view::npos;
    const auto named = value_named<algorithm>(take_part(rest, ","), same);
    if (!named || count == listed.size()) return std::nullopt;
    listed[count++] = *named;
  }
  return encryption_clause::of(*wanted, std::span(listed).first(count));
}

}  // namespace detail

/// Reads `DISABLED | {SUPPORTED | REQUIRED} [ALGORITHM AES | RC4 | CHACHA20 …]`, in any case, words
/// separated by blanks. Without ALGORITHM it is AES.
/// Errors: `malformed` for what is not of this grammar; `invalid_argument` for an algorithm listed
/// twice or after DISABLED; both with `fact::reason`.
[[nodiscard]] inline result<encryption_clause> parse_encryption(std::string_view text) {
  const auto read = detail::read_encryption(text);
  if (read.clause) return *read.clause;
  return error(read.code)
      .with(fact::kind, "ENCRYPTION")
      .with(fact::reason, read.problem)
      .with(fact::next_step,
            "write DISABLED, or SUPPORTED or REQUIRED with ALGORITHM and AES, CHACHA20 or both");
}

/// The clause as an application protocol name (ALPN, RFC 7301), by which the ends of a connection
/// tell each other theirs: "keywarden/1/required/aes,rc4", "keywarden/1/disabled". At most 64
/// characters.
[[nodiscard]] constexpr clause_text to_protocol_name(const encryption_clause& clause) noexcept {
  clause_text made;
  const auto append_lower = [&](std::string_view name) {
    for (const char each : name) {
      const char lowered = detail::lower(each);
      made.append({&lowered, 1});
    }
  };
  made.append(detail::protocol_prefix);
  append_lower(name_of(clause.presence()));
  std::string_view separator = "/";
  for (const auto each : clause.algorithms()) {
    made.append(separator);
    append_lower(name_of(each));
    separator = ",";
  }
  return made;
}

/// Reads exactly what `to_protocol_name` writes. Errors: `malformed` for everything else.
[[nodiscard]] inline result<encryption_clause> from_protocol_name(std::string_view name) {
  if (const auto read = detail::read_protocol_name(name)) return *read;
  return error(errc::malformed).with(fact::kind, "encryption protocol name");
}

namespace detail {

/// The catalog's clauses, by code (`sys.database_mirroring_endpoints.encryption_algorithm`).
inline constexpr std::array<encryption_clause, 9> catalog{
    *encryption_clause::of(presence::disabled),
    *encryption_clause::of(presence::required, {algorithm::rc4}),
    *encryption_clause::of(presence::required, {algorithm::aes}),
    *encryption_clause::of(presence::supported, {algorithm::rc4}),
    *encryption_clause::of(presence::supported, {algorithm::aes}),
    *encryption_clause::of(presence::required, {algorithm::rc4, algorithm::aes}),
    *encryption_clause::of(presence::required, {algorithm::aes, algorithm::rc4}),
    *encryption_clause::of(presence::supported, {algorithm::rc4, algorithm::aes}),
    *encryption_clause::of(presence::supported, {algorithm::aes, algorithm::rc4})};

}  // namespace detail

/// SQL Server's code of a clause, 0 to 8; nothing for a clause with CHACHA20, which it cannot name.
[[nodiscard]] constexpr std::optional<unsigned> catalog_code(
    const encryption_clause& clause) noexcept {
  const auto found = std::ranges::find(detail::catalog, clause);
  if (found == detail::catalog.end()) return std::nullopt;
  return static_cast<unsigned>(found - detail::catalog.begin());
}

/// The clause of a code; nothing above 8.
[[nodiscard]] constexpr std::optional<encryption_clause> from_catalog_code(unsigned code) noexcept {
  if (code >= detail::catalog.size()) return std::nullopt;
  return detail::catalog[code];
}

}  // namespace keywarden::transport
