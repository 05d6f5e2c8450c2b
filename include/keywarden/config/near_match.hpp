/// @file
/// The name that was probably meant.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace keywarden::config {

/// How many single edits (a character more, less, another one, or two neighbours swapped) lead from
/// one text to the other, letters compared without case; `limit + 1` when it is more than `limit`
/// or a text has more than 64 bytes. (Damerau-Levenshtein with adjacent swaps, bytes not
/// characters.)
[[nodiscard]] constexpr std::size_t edit_distance(std::string_view left, std::string_view right,
                                                  std::size_t limit) noexcept {
  constexpr std::size_t longest = 64;
  const auto shorter = std::min(left.size(), right.size());
  const auto longer = std::max(left.size(), right.size());
  if (longer > longest || longer - shorter > limit) return limit + 1;
  constexpr auto folded = [](char each) {
    return each >= 'A' && each <= 'Z' ? static_cast<char>(each - 'A' + 'a') : each;
  };
  std::size_t rows[3][longest + 1]{};  // the one before last, the last, this one
  for (std::size_t j = 0; j <= right.size(); ++j) rows[1][j] = j;
  for (std::size_t i = 1; i <= left.size(); ++i) {
    auto& row = rows[2];
    row[0] = i;
    auto least = i;
    for (std::size_t j = 1; j <= right.size(); ++j) {
      const bool same = folded(left[i - 1]) == folded(right[j - 1]);
      row[j] = std::min({rows[1][j] + 1, row[j - 1] + 1, rows[1][j - 1] + (same ? 0U : 1U)});
      if (i > 1 && j > 1 && folded(left[i - 1]) == folded(right[j - 2]) &&
          folded(left[i - 2]) == folded(right[j - 1]))
        row[j] = std::min(row[j], rows[0][j - 2] + 1);
      least = std::min(least, row[j]);
    }
    if (least > limit) return limit + 1;
    for (std::size_t j = 0; j <= right.size(); ++j) {
      rows[0][j] = rows[1][j];
      rows[1][j] = row[j];
    }
  }
  return std::min(rows[1][right.size()], limit + 1);
}

/// Of several known names, the one nearest to what was written.
///
/// `near` is a name at most a third of its length away, three edits at most; nothing otherwise. At
/// most 128 names are looked at.
class near_match {
 public:
  constexpr explicit near_match(std::string_view written) noexcept : written_(written) {}

  /// Considers one known name.
  constexpr near_match& consider(std::string_view known) noexcept {
    constexpr std::size_t most = 128;
    if (considered_++ >= most) return *this;
    const auto limit = std::min<std::size_t>(3, std::max<std::size_t>(1, known.size() / 3));
    const auto distance = edit_distance(written_, known, limit);
    if (distance <= limit && (nearest_.empty() || distance < distance_)) {
      nearest_ = known;
      distance_ = distance;
    }
    return *this;
  }

  /// The nearest, or an empty text.
  [[nodiscard]] constexpr std::string_view nearest() const noexcept { return nearest_; }

 private:
  std::string_view written_;
  std::string_view nearest_;
  std::size_t distance_ = 0;
  std::size_t considered_ = 0;
};

}  // namespace keywarden::config
