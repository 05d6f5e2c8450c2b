/// @file
/// What a client gets whose request was refused.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <keywarden/core/result.hpp>

namespace keywarden::admit {

/// The HTTP statuses that a refusal may be answered with.
enum class deny_status : std::uint16_t { unauthorized = 401, forbidden = 403, not_found = 404 };

/// Either the connection is dropped without a response, or a status is sent: IIS's `denyAction`,
/// whose value 0 is no HTTP status and cannot be taken for one here.
///
/// Dropping tells a flooder least and costs least; a status tells honest clients what happened. 401
/// makes browsers ask their user for a password: prefer 403. A regular type of 2 bytes; constexpr.
class deny_action {
 public:
  // NOLINTNEXTLINE(google-explicit-constructor): a status is an action
  constexpr deny_action(deny_status sent) noexcept : sent_(sent) {}

  /// `AbortRequest`: the connection is dropped.
  [[nodiscard]] static constexpr deny_action abort() noexcept { return deny_action(no_status); }

  /// Reads exactly `AbortRequest`, `Unauthorized`, `Forbidden` or `NotFound`; nothing for all else.
  [[nodiscard]] static constexpr std::optional<deny_action> read(std::string_view name) noexcept {
    for (const auto each :
         {abort(), deny_action(deny_status::unauthorized), deny_action(deny_status::forbidden),
          deny_action(deny_status::not_found)})
      if (each.name() == name) return each;
    return std::nullopt;
  }

  /// The action of IIS's number 0, 401, 403 or 404; nothing for all else.
  [[nodiscard]] static constexpr std::optional<deny_action> of(std::uint32_t number) noexcept {
    for (const auto each :
         {abort(), deny_action(deny_status::unauthorized), deny_action(deny_status::forbidden),
          deny_action(deny_status::not_found)})
      if (each.number() == number) return each;
    return std::nullopt;
  }

  /// As `read`. Errors: `malformed`.
  [[nodiscard]] static result<deny_action> parse(std::string_view name) {
    if (const auto made = read(name)) return *made;
    return error(errc::malformed)
        .with(fact::kind, "deny action")
        .with(fact::name, name)
        .with(fact::next_step, "write AbortRequest, Unauthorized, Forbidden or NotFound");
  }

  /// Whether the connection is dropped without an answer.
  [[nodiscard]] constexpr bool aborts() const noexcept { return sent_ == no_status; }

  /// The status to send; none: drop the connection.
  [[nodiscard]] constexpr std::optional<deny_status> status() const noexcept {
    if (aborts()) return std::nullopt;
    return sent_;
  }

  /// As IIS and Split-Merge write it.
  [[nodiscard]] constexpr std::string_view name() const noexcept {
    switch (sent_) {
      case deny_status::unauthorized:
        return "Unauthorized";
      case deny_status::forbidden:
        return "Forbidden";
      case deny_status::not_found:
        return "NotFound";
    }
    return "AbortRequest";
  }

  /// IIS's number for it: 0 for dropping.
  [[nodiscard]] constexpr std::uint16_t number() const noexcept {
    return static_cast<std::uint16_t>(sent_);
  }

  friend constexpr bool operator==(const deny_action&, const deny_action&) = default;

 private:
  static constexpr deny_status no_status{0};

  deny_status sent_;
};

/// What IIS does unless told otherwise.
inline constexpr deny_action iis_deny_action = deny_status::forbidden;

/// What the Split-Merge service does unless told otherwise.
inline constexpr deny_action split_merge_deny_action = deny_action::abort();

}  // namespace keywarden::admit
