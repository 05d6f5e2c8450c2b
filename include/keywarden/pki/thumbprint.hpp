/// @file
/// Thumbprints: the hash of a certificate, as people copy it from one window into a file.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <keywarden/pki/certificate.hpp>
#include <keywarden/pki/thumbprint_scan.hpp>

namespace keywarden::pki {

struct parsed_thumbprint;

/// The hash of a whole DER certificate (not a field of it) and the algorithm that made it. Public.
/// A regular value without a default; also a constant expression; any thread.
///
/// A SHA-1 thumbprint is an index: it says which certificate somebody meant. Two certificates with
/// the same one can be made, so authorise on SHA-256 or on the key's fingerprint where either is
/// known (`proves_identity`).
class thumbprint {
 public:
  /// The longest text that is read, in bytes.
  static constexpr std::size_t max_text = detail::max_thumbprint_text;

  /// Reads what a person pasted, UTF-8 of at most 512 bytes: drops invisible characters (U+00AD,
  /// U+200B to U+200F, U+202A to U+202E, U+2060 to U+2064, U+2066 to U+2069, U+FEFF), spaces with
  /// U+00A0, tabs and line ends, `:` and `-`; then demands exactly 40, 64, 96 or 128 hexadecimal
  /// digits of either case. Nothing is folded: a full-width digit is refused.
  ///
  /// Errors: `limit_exceeded` above 512 bytes; `malformed` with `fact::reason`, which names the
  /// character at fault as U+XXXX, and `fact::column` (characters, from 1) where there is one.
  [[nodiscard]] static result<parsed_thumbprint> parse(std::string_view text);

  /// The same for a text that must be of this algorithm. Errors: also `malformed` when it is of
  /// another.
  [[nodiscard]] static result<parsed_thumbprint> parse(std::string_view text,
                                                       thumbprint_algorithm by);

  /// What `parse` would say against a text, also while compiling.
  [[nodiscard]] static constexpr thumbprint_problem check(std::string_view text) noexcept {
    return detail::scan_thumbprint(text).problem;
  }
  /// A thumbprint in a program's source; a wrong one does not compile.
  [[nodiscard]] static consteval thumbprint literal(std::string_view text) {
    const auto found = detail::scan_thumbprint(text);
    if (found.problem != thumbprint_problem::none) throw "this is not a thumbprint: see check()";
    return thumbprint(found);
  }

  /// From 20, 32, 48 or 64 bytes. Errors: `malformed`.
  [[nodiscard]] static result<thumbprint> of_bytes(bytes_view hash) {
    detail::thumbprint_scan found;
    found.digits = 2 * hash.size();
    if (!detail::algorithm_of_digits(found.digits))
      return error(errc::malformed)
          .with(fact::kind, "thumbprint")
          .with(fact::reason, "not 20, 32, 48 or 64 bytes")
          .with(fact::actual, hash.size());
    copy_bytes(found.bytes, hash);
    return thumbprint(found);
  }

  /// Which hash it is, told by its length.
  [[nodiscard]] constexpr thumbprint_algorithm algorithm() const noexcept { return algorithm_; }
  [[nodiscard]] constexpr bytes_view view() const noexcept {
    return bytes_view(bytes_).first(size_of(algorithm_));
  }
  /// Upper-case hexadecimal without separators, as certificate dialogs and portals show it.
  [[nodiscard]] std::string text() const { return Botan::hex_encode(view()); }

  /// Whether a match is enough to authorise: not for SHA-1.
  [[nodiscard]] constexpr bool proves_identity() const noexcept {
    return algorithm_ != thumbprint_algorithm::sha1;
  }
  /// Whether it is this certificate's. For SHA-1 that is a hint, not a proof.
  [[nodiscard]] bool matches(const certificate& of) const;

  /// The same algorithm and the same bytes; constant time for equal algorithms.
  friend constexpr bool operator==(const thumbprint& left, const thumbprint& right) noexcept {
    if (left.algorithm_ != right.algorithm_) return false;
    unsigned difference = 0;
    for (std::size_t i = 0; i < left.bytes_.size(); ++i)
      difference |= static_cast<unsigned>(left.bytes_[i] ^ right.bytes_[i]);
    return difference == 0;
  }

 private:
  constexpr explicit thumbprint(const detail::thumbprint_scan& found) noexcept
      : bytes_(found.bytes), algorithm_(*detail::algorithm_of_digits(found.digits)) {}

  std::array<std::uint8_t, 64> bytes_;  // the rest is zero
  thumbprint_algorithm algorithm_;
};

/// A thumbprint, and what was pasted along with it.
struct parsed_thumbprint {
  thumbprint value;
  dropped_characters dropped;  ///< what was left out to get it
};

namespace detail {

/// "U+200E".
[[nodiscard]] inline std::string code_point_text(char32_t point) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string text = "U+";
  for (unsigned shift = point > 0xfffff ? 24 : point > 0xffff ? 20 : 16; shift != 0;) {
    shift -= 4;
    text += digits[(point >> shift) & 15U];
  }
  return text;
}

/// The refusal of a text, where `columns` characters were before it.
[[nodiscard]] inline error thumbprint_refusal(const thumbprint_scan& found,
                                              std::size_t columns = 0) {
  using enum thumbprint_problem;
  const auto of = error(errc::malformed).with(fact::kind, "thumbprint");
  const auto refuse = [&](std::string_view reason, std::string_view next) {
    return error(of).with(fact::reason, reason).with(fact::next_step, next);
  };
  const auto at = [&](const std::string& reason, std::string_view next) {
    return refuse(reason, next).with(fact::column, columns + found.column);
  };
  const auto name = code_point_text(found.point);
  const auto digits = std::to_string(found.digits) + " hexadecimal digits";
  switch (found.problem) {
    case too_long:
      return error(errc::limit_exceeded)
          .with(fact::kind, "thumbprint")
          .with(fact::limit, max_thumbprint_text);
    case not_utf8:
      return at("the byte " + name.substr(4) + " is not UTF-8", "save the file as UTF-8");
    case leading_question_mark:
      return at(
          "U+003F `?` stands before the first digit: an invisible character that the certificate "
          "dialog put there was saved as ANSI",
          "delete the `?`, and save the file as UTF-8");
    case looks_like_a_digit:
      return at(name + " looks like a hexadecimal digit and is none",
                "type the thumbprint's digits as 0-9 and A-F");
    case not_a_digit:
      return at(name + " is not a hexadecimal digit",
                "delete it, or copy the thumbprint from the certificate again");
    case no_digits:
      return refuse("it has no digits", "copy the thumbprint from the certificate");
    case odd_number_of_digits:
      return refuse(digits + ": an odd number, so one is missing or too many",
                    "copy the thumbprint from the certificate again");
    case wrong_length:
    case none:
      break;
  }
  return refuse(digits + ": SHA-1 has 40, SHA-256 64, SHA-384 96, SHA-512 128",
                "copy the whole thumbprint from the certificate");
}

}  // namespace detail

inline result<parsed_thumbprint> thumbprint::parse(std::string_view text) {
  const auto found = detail::scan_thumbprint(text);
  if (found.problem != thumbprint_problem::none) return detail::thumbprint_refusal(found);
  return parsed_thumbprint{thumbprint(found), found.dropped};
}

inline result<parsed_thumbprint> thumbprint::parse(std::string_view text, thumbprint_algorithm by) {
  auto made = parse(text);
  if (!made || made->value.algorithm() == by) return made;
  return error(errc::malformed)
      .with(fact::kind, "thumbprint")
      .with(fact::scheme, name_of(by))
      .with(fact::reason,
            std::string("its digits are those of ").append(name_of(made->value.algorithm())))
      .with(fact::next_step, "change the thumbprint's algorithm or its digits");
}

/// The thumbprint of a certificate. Never fails for what Keywarden is built with.
[[nodiscard]] inline thumbprint thumbprint_of(const certificate& of, thumbprint_algorithm by) {
  constexpr std::array<std::string_view, 4> names{"SHA-1", "SHA-256", "SHA-384", "SHA-512"};
  const auto hash = Botan::HashFunction::create_or_throw(names[static_cast<std::size_t>(by)]);
  return thumbprint::of_bytes(hash->process<bytes>(of.der())).value();
}

inline bool thumbprint::matches(const certificate& of) const {
  return thumbprint_of(of, algorithm_) == *this;
}

/// A list as a configuration file has it.
struct thumbprint_list {
  /// One entry that stands there already.
  struct repetition {
    std::size_t entry;  ///< counted from 1
    std::size_t first;  ///< the one that is kept
    friend bool operator==(const repetition&, const repetition&) noexcept = default;
  };
  std::vector<thumbprint> entries;   ///< each once, in their order
  std::vector<repetition> repeated;  ///< entries that were left out, for a warning
  dropped_characters dropped;        ///< in all entries together

  /// Whether one of them is this certificate's (see `thumbprint::matches`).
  [[nodiscard]] bool has(const certificate& which) const {
    std::array<std::optional<thumbprint>, 4> own;
    for (const auto& each : entries) {
      auto& mine = own[static_cast<std::size_t>(each.algorithm())];
      if (!mine) mine = thumbprint_of(which, each.algorithm());
      if (*mine == each) return true;
    }
    return false;
  }
};

/// The most thumbprints in a list.
inline constexpr std::size_t max_thumbprints = 1000;

/// Reads thumbprints with a comma between each two; a text of nothing but spaces and invisible
/// characters is the empty list, which means nobody. Errors: as `thumbprint::parse`, with the
/// entry's number in `fact::name` ("entry 3") and the column within the whole text; `malformed` for
/// an empty entry; `limit_exceeded` above 1,000 entries.
[[nodiscard]] inline result<thumbprint_list> parse_thumbprints(std::string_view text) {
  thumbprint_list made;
  const auto count = static_cast<std::size_t>(std::ranges::count(text, ',')) + 1;
  if (count > max_thumbprints)
    return error(errc::limit_exceeded)
        .with(fact::kind, "thumbprints")
        .with(fact::limit, max_thumbprints)
        .with(fact::actual, count);
  std::map<std::string, std::size_t> seen;
  std::size_t columns = 0;
  for (std::size_t entry = 1; entry <= count; ++entry) {
    const auto part = text.substr(0, text.find(','));
    const auto found = detail::scan_thumbprint(part);
    if (count == 1 && found.problem == thumbprint_problem::no_digits) {
      made.dropped = found.dropped;
      return made;
    }
    if (found.problem != thumbprint_problem::none)
      return detail::thumbprint_refusal(found, columns)
          .with(fact::name, "entry " + std::to_string(entry));
    auto hash = thumbprint::of_bytes(bytes_view(found.bytes).first(found.digits / 2));
    if (!hash) return hash.error();
    made.dropped.invisible += found.dropped.invisible;
    made.dropped.spaces += found.dropped.spaces;
    made.dropped.separators += found.dropped.separators;
    if (const auto [first, fresh] = seen.emplace(hash->text(), entry); !fresh)
      made.repeated.push_back({entry, first->second});
    else
      made.entries.push_back(*hash);
    // Characters, not bytes; and the comma.
    columns += 1 + static_cast<std::size_t>(std::ranges::count_if(
                       part, [](char byte) { return (byte & '\xC0') != '\x80'; }));
    text.remove_prefix(std::min(part.size() + 1, text.size()));
  }
  return made;
}

}  // namespace keywarden::pki
