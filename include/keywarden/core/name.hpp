/// @file
/// Names that are safe in a file system, a database and a terminal.
#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <string>
#include <string_view>
#include <utility>

#include <keywarden/core/result.hpp>

namespace keywarden {

/// A name a user gives to a database, a key, a certificate or a credential: 1 to 64 characters of
/// A-Z a-z 0-9 _ . -, not starting with a dot. Case counts. A value is always valid: a literal is
/// checked while compiling (`vault.database("sales")`), every other text is parsed once.
class object_name {
 public:
  /// The longest name, in bytes.
  static constexpr std::size_t max_size = 64;

  // NOLINTNEXTLINE(google-explicit-constructor): a literal is a name
  consteval object_name(const char* literal) {
    if (!assign(literal))
      throw "a name is 1 to 64 characters of A-Z a-z 0-9 _ . -, not starting with a dot";
  }

  /// Errors: `invalid_name`, with the name as far as it can be shown.
  [[nodiscard]] static result<object_name> parse(std::string_view text) {
    object_name made;
    if (made.assign(text)) return made;
    std::string shown;
    for (const char each : text.substr(0, max_size))
      shown += allowed.find(each) == std::string_view::npos ? '?' : each;
    return error(errc::invalid_name).with(fact::name, shown);
  }

  [[nodiscard]] std::string text() const { return {text_.data(), size_}; }

  friend auto operator<=>(const object_name&, const object_name&) = default;

 private:
  static constexpr std::string_view allowed =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";

  constexpr object_name() noexcept = default;

  constexpr bool assign(std::string_view text) noexcept {
    if (text.empty() || text.size() > max_size || text.front() == '.' ||
        text.find_first_not_of(allowed) != std::string_view::npos)
      return false;
    std::ranges::copy(text, text_.begin());
    size_ = text.size();
    return true;
  }

  std::array<char, max_size> text_{};
  std::size_t size_ = 0;
};

/// Where a record lives in a store: 1 to 6 `object_name`s joined by '/', such as `db/sales/dmk`.
/// Parse it once; a value is always valid and at most 255 characters.
class record_name {
 public:
  /// The longest name, in bytes, with its slashes.
  static constexpr std::size_t max_size = 255;
  /// How many parts a name may have.
  static constexpr std::size_t max_depth = 6;

  /// Errors: `invalid_name`.
  [[nodiscard]] static result<record_name> parse(std::string_view text) {
    if (text.size() > max_size) return error(errc::invalid_name).with(fact::limit, max_size);
    std::size_t depth = 0;
    for (auto rest = text;; ++depth) {
      const auto slash = rest.find('/');
      if (auto part = object_name::parse(rest.substr(0, slash)); !part) return part.error();
      if (slash == std::string_view::npos) break;
      rest.remove_prefix(slash + 1);
    }
    if (depth >= max_depth) return error(errc::invalid_name).with(fact::limit, max_depth);
    return record_name(std::string(text));
  }

  /// The record of this name below another one. Errors: `invalid_name` when too long or too deep.
  [[nodiscard]] result<record_name> child(const object_name& part) const {
    return parse(text_ + '/' + part.text());
  }

  [[nodiscard]] const std::string& text() const noexcept { return text_; }

  friend auto operator<=>(const record_name&, const record_name&) = default;

 private:
  explicit record_name(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

}  // namespace keywarden
