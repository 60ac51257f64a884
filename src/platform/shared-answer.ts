/** Makes a question whose callers at the same time share one answer: it is asked again when the last one is there. */
export function sharingAnswers<T>(ask: () => Promise<T>): () => Promise<T> {
  let asking: Promise<T> | null = null;
  return () => {
    asking ??= ask().finally(() => {
      asking = null;
    });
    return asking;
  };
}
