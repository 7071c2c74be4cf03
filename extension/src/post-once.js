// Posting a swap while its picture is on the way.

/**
 * The daemon's job of this key: the one it made before an interruption, even if a setting was changed since.
 * @param {any} daemon
 * @param {any} words
 * @param {string} key
 * @param {Promise<any>} sent  the sending of the picture, for which the daemon waits.
 */
export async function postOnce(daemon, words, key, sent) {
  try {
    return (await postBeside(sent, () => daemon.postJob(words, key))).id;
  } catch (error) {
    if (error.code !== "idempotency-key-reused" || !error.fields.job) throw error;
    return error.fields.job;
  }
}

/** Where the daemon hears of the job before its picture: once more when that is there, or what kept it back. */
async function postBeside(sent, post) {
  try {
    return await post();
  } catch (error) {
    if (error.code !== "unknown-blob") throw error;
    await sent;
    return post();
  }
}
