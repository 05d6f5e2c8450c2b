/// @file
/// Text that owns its bytes while compiling, too.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <keywarden/core/printable.hpp>

namespace keywarden::config {

/// What a `std::string` would be if every compiler and library that Keywarden supports could move
/// one in a constant expression. A regular type; converts to `std::string_view`, which lives as
/// long as this does and does not change. Not for secrets: nobody wipes it.
class owned_text {
 public:
  constexpr owned_text() noexcept = default;

  // NOLINTNEXTLINE(google-explicit-constructor): text is text
  constexpr owned_text(std::string_view from) : bytes_(from.begin(), from.end()) {}
  // NOLINTNEXTLINE(google-explicit-constructor)
  constexpr owned_text(const char* from) : owned_text(std::string_view(from)) {}

  [[nodiscard]] constexpr std::string_view view() const noexcept {
    return {bytes_.data(), bytes_.size()};
  }
  // NOLINTNEXTLINE(google-explicit-constructor)
  constexpr operator std::string_view() const noexcept { return view(); }
  /// A copy as a `std::string`, which constant expressions cannot keep.
  [[nodiscard]] std::string str() const { return std::string(view()); }

  [[nodiscard]] constexpr bool empty() const noexcept { return bytes_.empty(); }
  [[nodiscard]] constexpr std::size_t size() const noexcept { return bytes_.size(); }

  /// Adds a text at the end; gives itself back.
  constexpr owned_text& append(std::string_view more) {
    bytes_.insert(bytes_.end(), more.begin(), more.end());
    return *this;
  }
  /// Adds one byte.
  constexpr owned_text& append(char more) {
    bytes_.push_back(more);
    return *this;
  }
  /// Adds a number in decimal digits.
  constexpr owned_text& append_number(std::size_t value) {
    if (value >= 10) append_number(value / 10);
    return append(static_cast<char>('0' + value % 10));
  }

  friend constexpr bool operator==(const owned_text& left, const owned_text& right) noexcept {
    return left.view() == right.view();
  }
  friend constexpr bool operator==(const owned_text& left, std::string_view right) noexcept {
    return left.view() == right;
  }
  friend constexpr bool operator==(const owned_text& left, const char* right) noexcept {
    return left.view() == right;
  }

 private:
  std::vector<char> bytes_;
};

namespace detail {

/// All parts, one after the other.
[[nodiscard]] constexpr owned_text joined(const auto&... parts) {
  owned_text made;
  (made.append(std::string_view(parts)), ...);
  return made;
}

/// A name or value that a stranger may have written, in quotation marks, as a person may safely see
/// it: at most 80 bytes, then "…"; what a terminal would obey as `\x` and two digits.
[[nodiscard]] constexpr owned_text quoted(std::string_view value) {
  constexpr std::string_view digits = "0123456789abcdef";
  constexpr std::size_t limit = 80;
  owned_text made("\"");
  for (std::size_t done = 0; done < value.size();) {
    const auto size = keywarden::detail::printable_size(value.substr(done));
    const auto next = done + (size == 0 ? 1 : size);
    if (next > limit) {
      made.append("…");
      break;
    }
    if (size != 0) {
      made.append(value.substr(done, size));
    } else {
      const auto code = static_cast<unsigned char>(value[done]);
      made.append("\\x").append(digits[code >> 4U]).append(digits[code & 15U]);
    }
    done = next;
  }
  made.append('"');
  return made;
}

/// A number in decimal.
[[nodiscard]] constexpr owned_text decimal(std::size_t value) {
  owned_text made;
  made.append_number(value);
  return made;
}

}  // namespace detail
}  // namespace keywarden::config
