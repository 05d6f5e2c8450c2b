/// @file
/// What two operators compare out of band when an instance joins.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include <botan/mem_ops.h>

#include <keywarden/core/encoding.hpp>
#include <keywarden/core/result.hpp>
#include <keywarden/core/strong.hpp>
#include <keywarden/crypto/kdf.hpp>

namespace keywarden {

/// 128 bits that two people compare over a channel that whoever writes the store does not control:
/// read out on the phone, or carried in a ticket. Public. A regular value.
///
/// 128 bits withstand a search for a second key with the same code; there is nothing to gain from
/// two keys with one code, since the attacker chooses only one of them.
class verification_code {
 public:
  /// How many bytes.
  static constexpr std::size_t size = 16;

  /// The first 128 bits of a digest or a MAC.
  explicit verification_code(std::span<const std::uint8_t, 32> of) noexcept
      : bytes_(of.first<size>()) {}

  /// Reads what `text` wrote, in either case, with or without the dashes. Errors:
  /// `invalid_argument` for anything else: it may be mistyped.
  [[nodiscard]] static result<verification_code> parse(std::string_view text) {
    std::string digits;
    for (const char each : text.substr(0, longest_text + 1))
      if (each != '-' && each != ' ')
        digits += each >= 'A' && each <= 'F' ? static_cast<char>(each - 'A' + 'a') : each;
    auto data = text.size() <= longest_text && digits.size() == 2 * size
                    ? from_hex(digits)
                    : result<bytes>(errc::malformed);
    if (!data || data->size() != size)
      return error(errc::invalid_argument)
          .with(fact::kind, "verification code")
          .with(fact::reason, "not 32 hexadecimal digits")
          .with(fact::next_step, "copy the code again, as it was shown at the other instance");
    verification_code made;
    std::ranges::copy(*data, made.bytes_.view().begin());
    return made;
  }

  /// Eight groups of four hexadecimal digits: "3f1c-…".
  [[nodiscard]] std::string text() const {
    const auto digits = to_hex(bytes_.view());
    std::string out;
    for (std::size_t at = 0; at < digits.size(); at += 4)
      out.append(at == 0 ? "" : "-").append(digits, at, 4);
    return out;
  }

  /// In constant time: a code can be guessed byte by byte otherwise.
  friend bool operator==(const verification_code& left, const verification_code& right) noexcept {
    return Botan::constant_time_compare(bytes_view(left.bytes_.view()),
                                        bytes_view(right.bytes_.view()));
  }

 private:
  static constexpr std::size_t longest_text = 80;

  verification_code() noexcept = default;

  strong_bytes<size, struct verification_code_tag> bytes_;
};

}  // namespace keywarden
