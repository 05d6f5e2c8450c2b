/// @file
/// The words that help texts share.
#pragma once

#include <string_view>

namespace cli {

inline constexpr std::string_view help_opening =
    R"(keywarden COMMAND [OPERANDS] [OPTIONS]

Looks after a key hierarchy in a store: account | machine -> service master key ->
database master keys -> keys -> data; after an instance's mirroring endpoint: who it is, whom it
knows, and who may connect; after the key that many instances share (scale-out); and after a
service's certificates, its own authority and its configuration file. `keywarden COMMAND --help` tells more.
)";

inline constexpr std::string_view help_places =
    R"(Stores: sqlite:PATH, PATH.db or PATH.sqlite (a SQLite database); PATH/ or an existing folder (a file each);
postgresql://USER@HOST/DATABASE (a PostgreSQL database, where this program was built with it).
)";

inline constexpr std::string_view help_closing =
    R"(
Passwords are asked for, or read from a file (--…-file, not readable by others) or a file
descriptor (--…-fd); never given as an argument.

Exit status: 0 done; 1 refused; 2 the command line makes no sense; 3 a file, the store or a
secret could not be used.
)";

}  // namespace cli
