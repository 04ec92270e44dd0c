# Completion of metadata-etl: metadata-etl completion fish | source
#
# What comes from data is never evaluated: fish splits it at line ends, and quotes what it inserts.

function __metadata_etl_complete
    set -l text (commandline -ct)
    for quote in '' \' '"' # one that is open is closed
        set -l unquoted (string unescape -- "$text$quote" 2>/dev/null)
        and set text $unquoted
        and break
    end
    set -l group items
    set -l version
    set -l given
    set -l skip ''
    for word in (commandline -opc)[2..]
        if test "$skip" = --group
            set group $word
            set skip ''
        else if test "$skip" = --version
            set version --version=$word
            set skip ''
        else if test -n "$skip"
            set skip ''
        else
            switch $word
                case '--group=*'
                    set group (string replace -- --group= '' $word)
                case '--version=*'
                    set version $word
                case @TAKING@
                    set skip $word
                case '-*'
                case '*'
                    set -a given $word
            end
        end
    end
    # fish expands a leading ~ of a word that it completes; keys that have one come in quotes.
    switch "$given[1] "(count $given)
        case 'query 2'
            metadata-etl suggest $given[2] "$text" --group $group $version --complete query 2>/dev/null
        case 'suggest 2'
            metadata-etl suggest $given[2] "$text" --group $group $version --complete field 2>/dev/null
        case 'suggest 3'
            metadata-etl suggest $given[2] $given[3] "$text" --group $group $version --complete field 2>/dev/null | string match -v '~*'
        case '*'
            return 1
    end
end

function __metadata_etl_versions
    set -l given (string match -v -- '-*' (commandline -opc)[2..])
    test (count $given) -gt 1
    and metadata-etl suggest $given[2] "" --complete version 2>/dev/null
end

function __metadata_etl_takes_a_file
    set -l words (commandline -opc)
    not contains -- "$words[2]" @FIELDS@
    or test (count (string match -v -- '-*' $words)) -lt 3
end

complete -c metadata-etl -f
@COMMANDS@
complete -c metadata-etl -n '__fish_seen_subcommand_from @FIELDS@' -a '(__metadata_etl_complete)'
