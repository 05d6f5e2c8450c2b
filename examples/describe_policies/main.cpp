// What the compositions of the other examples are: their hierarchy, what each loss costs, how
// strong they are, and which key may open which.
//
//   describe_policies          prints all of them
//   describe_policies FOLDER   writes NAME.md and NAME.dot for each, as tools/docs does

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <keywarden/keywarden.hpp>
#include <keywarden/store/sqlite.hpp>
#include <keywarden/vault/describe.hpp>

#include "../database_mirroring/composition.hpp"
#include "../keywarden/composition.hpp"

namespace kw = keywarden;

namespace {

struct first_seal {
  static constexpr const char* name = "first_seal";
  using policy = kw::standard_policy<kw::store::sqlite>;
};
struct command_line {
  static constexpr const char* name = "keywarden";
  using policy = cli::production;
};
struct database_mirroring {
  static constexpr const char* name = "database_mirroring";
  using policy = mirroring::policy;
};

//[offline_root
// For a root that no single theft opens: each way in takes two things.
struct offline_root {
  static constexpr const char* name = "offline_root";
  struct policy {
    using cipher = kw::crypto::aes256_gcm_siv;
    using service_key = kw::protect::self_healing<
        kw::protect::any_of<kw::protect::all_of<kw::protect::account, kw::protect::machine>,
                            kw::protect::all_of<kw::protect::machine, kw::protect::recipient<>>>>;
    using database_key = kw::protect::any_of<kw::protect::service_master_key,
                                             kw::protect::password<kw::crypto::argon2id<>>>;
    using store = kw::store::sqlite;
  };
};
//]

void write(const std::filesystem::path& file, const std::string& text) {
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out << text;
  if (!out.flush()) {
    std::fprintf(stderr, "cannot write %s\n", file.c_str());
    std::exit(EXIT_FAILURE);
  }
}

template <class Example>
void show(const char* folder) {
  const auto text = kw::describe<typename Example::policy>();
  const auto graph = kw::describe_dot<typename Example::policy>();
  if (folder == nullptr) {
    std::printf("==== %s ====\n\n%s\n%s\n", Example::name, text.c_str(), graph.c_str());
  } else {
    write(std::filesystem::path(folder) / (std::string(Example::name) + ".md"), text);
    write(std::filesystem::path(folder) / (std::string(Example::name) + ".dot"), graph);
  }
}

}  // namespace

int main(int count, char** arguments) {
  const char* folder = count > 1 ? arguments[1] : nullptr;
  show<first_seal>(folder);
  show<command_line>(folder);
  show<database_mirroring>(folder);
  show<offline_root>(folder);
}
