/// @file
/// What a command line may say, as data, and reading one.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <keywarden/core/result.hpp>

namespace cli {

/// One option of a command. A password's value is never an argument: `name` becomes `--name-file
/// FILE` and
/// `--name-fd N`, and without either it is asked for.
struct option {
  enum class kind { flag, value, list, password, new_password };

  std::string_view name;
  kind takes = kind::flag;
  std::string_view shown;  ///< the value's name in a help text; what it is the password of
  std::string_view help;
};

class invocation;
struct answer;
struct context;

/// One command: its words, operands (all needed but those in brackets), options and what it does.
struct command {
  std::string_view name;
  std::vector<std::string_view> operands;
  std::vector<option> options;
  std::string_view help;
  keywarden::result<answer> (*run)(context&) = nullptr;
};

/// A command line that was read and fits its command.
class invocation {
 public:
  /// Errors: `invalid_argument` with a reason that repeats no value, since that may be a secret.
  [[nodiscard]] static keywarden::result<invocation> parse(const command& asked,
                                                           std::span<const std::string_view> words);

  [[nodiscard]] std::string_view operand(std::size_t at) const { return operands_[at]; }
  [[nodiscard]] const std::vector<std::string>& operands() const { return operands_; }
  /// Whether an option, or either form of a password's, was given.
  [[nodiscard]] bool has(std::string_view name) const;
  [[nodiscard]] std::optional<std::string> value(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> values(std::string_view name) const;
  /// The command's own option of this name, or null.
  [[nodiscard]] const option* find(std::string_view name) const;

 private:
  explicit invocation(const command& asked) : command_(&asked) {}

  const command* command_;
  std::vector<std::string> operands_;
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
};

/// Options that every command has.
[[nodiscard]] const std::vector<option>& common_options();

/// The help for commands whose names begin with `words`: a list, or all about one.
[[nodiscard]] std::string help_for(std::span<const command> commands, std::string_view words);

/// A refusal of the command line itself.
[[nodiscard]] keywarden::error usage_error(std::string_view reason, std::string_view command_name);

/// A decimal number of at most `most`. Errors: `invalid_argument`.
[[nodiscard]] keywarden::result<std::uint64_t> parse_number(std::string_view text,
                                                            std::string_view what,
                                                            std::uint64_t most);

}  // namespace cli
