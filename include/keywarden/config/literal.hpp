/// @file
/// A configuration in the program's own text, checked while compiling.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include <keywarden/config/check.hpp>

namespace keywarden::config {

namespace detail {

/// A place in a literal: what a compiler shows of the call that stopped it.
struct place_in_literal {
  std::uint32_t line;
  std::uint32_t column;

  /// Every compiler says which element it was that the array does not have.
  constexpr void stop() const {
    constexpr char error_in_line[1] = {0};
    if (std::is_constant_evaluated() && error_in_line[line] == 0)
      throw "the configuration in this literal has an error";
  }
};

// Whichever of these a compiler names in its message is the rule that the text breaks.
constexpr void the_http_endpoint_must_be_denied(place_in_literal at) { at.stop(); }
constexpr void an_access_control_is_named_that_does_not_exist(place_in_literal at) { at.stop(); }
constexpr void a_rule_never_gets_a_turn(place_in_literal at) { at.stop(); }
constexpr void the_ca_must_be_the_additional_trusted_root(place_in_literal at) { at.stop(); }
constexpr void without_client_certificates_the_ca_must_be_the_ssl_certificate(place_in_literal at) {
  at.stop();
}
constexpr void both_client_certificate_setups_must_agree(place_in_literal at) { at.stop(); }
constexpr void a_remote_subnet_is_blank_or_no_range(place_in_literal at) { at.stop(); }
constexpr void a_thumbprint_is_blank_or_cannot_be_read(place_in_literal at) { at.stop(); }
constexpr void a_name_is_unknown(place_in_literal at) { at.stop(); }
constexpr void something_is_there_twice(place_in_literal at) { at.stop(); }
constexpr void something_required_is_missing(place_in_literal at) { at.stop(); }
constexpr void a_value_cannot_be_used(place_in_literal at) { at.stop(); }
constexpr void the_last_rule_must_be_written_down(place_in_literal at) { at.stop(); }
constexpr void the_text_is_no_service_configuration(place_in_literal at) { at.stop(); }

/// Stops the compiler where there is an error.
constexpr void refuse_literal(const finding* first) {
  if (first == nullptr) return;
  const place_in_literal at{first->where.line, first->where.column};
  switch (first->broken) {
    case rule::http_endpoint_open:
      return the_http_endpoint_must_be_denied(at);
    case rule::dangling_access_control:
      return an_access_control_is_named_that_does_not_exist(at);
    case rule::unreachable_rule:
    case rule::duplicate_order:
      return a_rule_never_gets_a_turn(at);
    case rule::ca_is_not_the_additional_root:
      return the_ca_must_be_the_additional_trusted_root(at);
    case rule::ca_is_not_ssl:
      return without_client_certificates_the_ca_must_be_the_ssl_certificate(at);
    case rule::setups_disagree:
      return both_client_certificate_setups_must_agree(at);
    case rule::blank_subnet:
    case rule::bad_subnet:
      return a_remote_subnet_is_blank_or_no_range(at);
    case rule::blank_thumbprint:
    case rule::malformed_thumbprint:
    case rule::thumbprint_algorithm:
      return a_thumbprint_is_blank_or_cannot_be_read(at);
    case rule::unknown_element:
    case rule::unknown_attribute:
    case rule::unknown_role:
    case rule::unknown_setting:
    case rule::unknown_certificate:
      return a_name_is_unknown(at);
    case rule::duplicate_attribute:
    case rule::duplicate_element:
    case rule::duplicate_role:
    case rule::duplicate_setting:
    case rule::duplicate_certificate:
    case rule::duplicate_access_control:
    case rule::duplicate_endpoint_acl:
      return something_is_there_twice(at);
    case rule::missing_attribute:
    case rule::missing_element:
    case rule::missing_role:
    case rule::missing_setting:
    case rule::missing_certificate:
    case rule::endpoint_without_acl:
      return something_required_is_missing(at);
    case rule::implied_final_rule:
      return the_last_rule_must_be_written_down(at);
    case rule::bad_value:
    case rule::zero_limit:
    case rule::built_in_redefined:
    case rule::too_many_rules:
    case rule::no_rules:
      return a_value_cannot_be_used(at);
    default:
      return the_text_is_no_service_configuration(at);
  }
}

}  // namespace detail

/// A whole configuration as a string literal, which has no error: a program whose configuration
/// leaves the HTTP endpoint open, names what does not exist, or says one thing in two ways does not
/// compile, and the compiler's message names the rule and the line (the line behind `R"(` is line
/// 2).
///
///     constexpr config::literal embedded(R"(<ServiceConfiguration …>…</ServiceConfiguration>)");
///
/// A literal is for everyone who has the program to read: no connection string belongs into it but
/// one that holds no secret. Warnings are not seen here: ask `check(embedded.text())`.
class literal {
 public:
  template <std::size_t Size>
  consteval explicit literal(const char (&text)[Size], const requirements& wanted = {})
      : text_(text, Size - 1) {
    detail::refuse_literal(check(text_, wanted).findings.first_error());
  }

  [[nodiscard]] constexpr std::string_view text() const noexcept { return text_; }

  /// The configuration; there is always one.
  [[nodiscard]] constexpr service_configuration configuration() const {
    return check(text_).configuration;
  }

 private:
  std::string_view text_;
};

}  // namespace keywarden::config
