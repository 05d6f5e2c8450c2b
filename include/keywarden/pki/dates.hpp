/// @file
/// Dates of certificates: as people read them, and the default length of a year.
#pragma once

#include <chrono>
#include <string>

#include <keywarden/core/clock.hpp>

namespace keywarden::pki {

/// A point in time as ISO 8601 writes it, UTC: "2026-03-01T12:30:00Z".
[[nodiscard]] inline std::string to_text(time_point when) {
  const auto day = std::chrono::floor<std::chrono::days>(when);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(when - day);
  const auto padded = [](auto number, std::size_t width) {
    auto text = std::to_string(number);
    return text.size() < width ? std::string(width - text.size(), '0') + text : text;
  };
  return padded(static_cast<int>(date.year()), 4) + '-' +
         padded(static_cast<unsigned>(date.month()), 2) + '-' +
         padded(static_cast<unsigned>(date.day()), 2) + 'T' + padded(time.hours().count(), 2) +
         ':' + padded(time.minutes().count(), 2) + ':' + padded(time.seconds().count(), 2) + 'Z';
}

/// The same day and time one calendar year later; the 29th of February becomes the 28th.
[[nodiscard]] inline time_point one_year_after(time_point start) {
  const auto day = std::chrono::floor<std::chrono::days>(start);
  auto date = std::chrono::year_month_day(day) + std::chrono::years(1);
  if (!date.ok()) date = date.year() / date.month() / std::chrono::last;
  return std::chrono::sys_days(date) + (start - day);
}

}  // namespace keywarden::pki
