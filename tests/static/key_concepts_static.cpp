// The concepts purpose and message_format: an archetype that satisfies each, and for each
// requirement a type that lacks only that.

#include <keywarden/key/message_format.hpp>
#include <keywarden/key/purpose.hpp>

namespace key_concepts_static {

namespace kw = keywarden;

#define SIXTEEN "0123456789abcdef"

//[purpose
struct purpose_archetype {
  static constexpr std::string_view name = "x";
};
//]
struct purpose_of_64 {
  static constexpr std::string_view name = SIXTEEN SIXTEEN SIXTEEN SIXTEEN;
};
struct purpose_of_65 {
  static constexpr std::string_view name = SIXTEEN SIXTEEN SIXTEEN SIXTEEN "0";
};
struct purpose_without_name {};
struct purpose_with_empty_name {
  static constexpr std::string_view name = "";
};
struct purpose_with_number {
  static constexpr int name = 1;
};
struct purpose_with_run_time_name {
  static std::string_view name;
};
struct purpose_with_private_name {
 private:
  static constexpr std::string_view name = "x";
};
static_assert(kw::purpose<purpose_archetype> && kw::purpose<purpose_of_64>);
static_assert(!kw::purpose<purpose_of_65>);
static_assert(!kw::purpose<purpose_without_name>);
static_assert(!kw::purpose<purpose_with_empty_name>);
static_assert(!kw::purpose<purpose_with_number>);
static_assert(!kw::purpose<purpose_with_run_time_name>);
static_assert(!kw::purpose<purpose_with_private_name>);
static_assert(!kw::purpose<int>);

//[message_format
struct format_archetype {
  static constexpr std::string_view name = "archetype";
  static constexpr std::size_t header_size = 16;
  static constexpr std::size_t associated_overhead = 4;
  static void write_header(kw::mutable_bytes, const kw::message_header&, kw::crypto::suite);
  static kw::status read_header(kw::bytes_view, kw::crypto::suite, kw::message_header&);
  static void associate(kw::mutable_bytes, kw::bytes_view, kw::bytes_view);
};
//]
struct format_without_name : format_archetype {
  static void name();
};
struct format_without_header_size : format_archetype {
  static void header_size();
};
struct format_without_associated_overhead : format_archetype {
  static void associated_overhead();
};
struct format_that_writes_elsewhere : format_archetype {
  static kw::bytes write_header(kw::mutable_bytes, const kw::message_header&, kw::crypto::suite);
};
struct format_that_ignores_the_suite : format_archetype {
  static kw::status read_header(kw::bytes_view, kw::message_header&);
};
struct format_that_never_refuses : format_archetype {
  static void read_header(kw::bytes_view, kw::crypto::suite, kw::message_header&);
};
struct format_that_forgets_the_header : format_archetype {
  static void associate(kw::mutable_bytes, kw::bytes_view);
};
static_assert(kw::message_format<format_archetype>);
static_assert(!kw::message_format<format_without_name>);
static_assert(!kw::message_format<format_without_header_size>);
static_assert(!kw::message_format<format_without_associated_overhead>);
static_assert(!kw::message_format<format_that_writes_elsewhere>);
static_assert(!kw::message_format<format_that_ignores_the_suite>);
static_assert(!kw::message_format<format_that_never_refuses>);
static_assert(!kw::message_format<format_that_forgets_the_header>);

}  // namespace key_concepts_static
