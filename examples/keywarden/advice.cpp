#include "advice.hpp"

#include <array>

namespace cli {

using keywarden::errc;
using keywarden::error;
using keywarden::fact;

namespace {

/// What helps after a refusal of this code and kind; `%` stands for the name it is about.
struct advice {
  errc code;
  std::string_view kind;
  std::string_view next_step;
};

constexpr std::array all_advice{
    advice{errc::not_found, "database", "keywarden db create %, then keywarden dmk create %"},
    advice{errc::not_found, "login", "keywarden login create %"},
    advice{errc::not_found, "user", "keywarden user create % --login LOGIN"},
    advice{errc::not_found, "database mirroring endpoint", "keywarden endpoint create"},
    advice{errc::not_found, "certificate",
           "keywarden cert list master shows what there is; keywarden cert create master % makes "
           "one of this instance's own"},
    advice{errc::secret_required, "certificate", "keywarden cert change-protection master %"},
    advice{errc::already_exists, "database mirroring endpoint",
           "keywarden endpoint alter, or keywarden endpoint drop first"},
    advice{errc::has_dependents, "user", "keywarden user drop % first"},
    advice{errc::has_dependents, "certificate", "keywarden user drop-certificate % first"},
    advice{errc::not_listening, "", "keywarden endpoint alter --state started"},
    advice{errc::refused_by_peer, "",
           "the reason is told to the other instance's administrator only: see its listener's "
           "output"},
};

std::string filled_in(std::string_view text, std::string_view name) {
  std::string made;
  for (const char each : text)
    if (each == '%')
      made += name.empty() ? "NAME" : name;
    else
      made += each;
  return made;
}

}  // namespace

error with_next(const error& why, std::string_view next_step) {
  error made(why.code());
  for (const auto& each : why.facts())
    if (each.name != fact::next_step) made = std::move(made).with(each.name, each.value);
  for (const auto& each : why.causes()) made = std::move(made).because(each);
  return std::move(made).with(fact::next_step, next_step);
}

error in_commands(const error& why) {
  const auto kind = why.value_of(fact::kind);
  if (why == errc::weaker_than_required && kind == "ENCRYPTION") {
    const auto present = why.value_of(fact::next_step);
    if (present.find("accept_weaker") != std::string_view::npos)
      return with_next(why, "if it is meant so, add --accept-weaker");
    if (present.starts_with("compose"))
      return with_next(why,
                       "this program always encrypts: keywarden endpoint alter --encryption "
                       "\"REQUIRED ALGORITHM AES\"");
    return why;
  }
  if (why == errc::not_permitted && kind == "CONNECT")
    return with_next(why, "if it should connect: keywarden grant connect --endpoint " +
                              std::string(why.value_of(fact::name)) + " --to " +
                              std::string(why.value_of(fact::peer)));
  for (const auto& each : all_advice)
    if (why == each.code && kind == each.kind)
      return with_next(why, filled_in(each.next_step, why.value_of(fact::name)));
  return why;
}

error as_usage(const error& why) {
  error made(errc::invalid_argument);
  for (const auto& each : why.facts()) made = std::move(made).with(each.name, each.value);
  return made;
}

std::string as_keyword(std::string_view typed) {
  std::string made;
  for (const char each : typed)
    made += each >= 'a' && each <= 'z' ? static_cast<char>(each - 'a' + 'A')
            : each == '-'              ? ' '
                                       : each;
  return made;
}

}  // namespace cli
